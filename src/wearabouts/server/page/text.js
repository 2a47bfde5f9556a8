// Words in place of a photo, or beside one: two boxes hold one text, shown only where the shop's model reads text.

import { byId } from "./dom.js";
import { t } from "./i18n.js";

const BOXES = [["say", "text"], ["add", "added"]];

export class Words {
  constructor(changed) {
    this.text = "";
    for (const [form, box] of BOXES) {
      byId(form).addEventListener("submit", (event) => {
        event.preventDefault();
        const text = byId(box).value.trim();
        if (text === "" && this.text === "") {
          byId(box).focus();
          return;
        }
        this.set(text);
        changed();
      });
    }
    byId("weight").addEventListener("change", changed);
  }

  // Only a model that reads text is offered any.
  build(shop) {
    for (const [form] of BOXES) byId(form).hidden = !shop.reads_text;
  }

  set(text) {
    this.text = text;
    for (const [, box] of BOXES) byId(box).value = text;
  }

  // What is asked for beside a photo, in place of one, or not at all while one of the shop's pieces is followed.
  show(photo, like) {
    const said = photo ? "addWords" : "yourWords";
    byId("added-label").dataset.t = said;
    byId("added-label").textContent = t(said);
    byId("added-label").className = photo ? "label" : "unseen"; // the heading above says the same
    byId("balance").hidden = !photo || like || !this.text;
  }

  parameters(photo) {
    if (!this.text) return {};
    return photo ? { text: this.text, text_weight: byId("weight").value } : { text: this.text };
  }
}
