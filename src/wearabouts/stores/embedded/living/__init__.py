"""What goes on while a store is open: following, rebuilding, probing, scrubbing, each in a thread of its own."""
