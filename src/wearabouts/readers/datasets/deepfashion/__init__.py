"""DeepFashion's four benchmarks (Liu, Luo, Qiu, Wang and Tang, CVPR 2016; landmarks: Liu et al., ECCV 2016).

Where to get it: mmlab.ie.cuhk.edu.hk/projects/DeepFashion.html, on request. Licence: non-commercial research and
education only. What all four share is read here:

* A list is plain text: how many rows follow, the column names, the rows, in columns padded with any number of spaces,
  with trailing spaces, here and there CRLF and a byte-order mark. Lists of items have no line of names. Numbers are
  zero padded (``072``), which is no octal.
* Photos are named ``img/…``. The same base name occurs in every folder, so the whole path is the key; a few folders on
  disk differ from the lists in letter case.
* Boxes are two corners, in pixels of the pictures as shipped, not of the ones in high resolution.
* Visibility of a landmark is 0 for visible, 1 for occluded and 2 for cut off. An upper garment has six landmarks, a
  lower one four, a full one eight. ``variation_type`` stands before them, but not in the attribute benchmark.

Nothing is believed unseen: a count that is not the rows' number, a row that is cut off, a label that is none, a box
without area, a landmark outside the picture, a photo that is listed and not there is a fault each, with list and row.
"""
