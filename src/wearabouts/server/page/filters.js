// What the answer is restricted to: garment, price, stock, and a filter in words.

import { byId, later, make } from "./dom.js";
import { percent, t, term } from "./i18n.js";

const PATIENCE = 450;

export class Filters {
  constructor(changed) {
    this.garment = "";
    this.shop = null;
    this.range = [];
    this.changed = changed;
    const soon = later(PATIENCE, changed);
    for (const id of ["lowest", "highest"]) byId(id).addEventListener("input", soon);
    byId("where").addEventListener("change", changed);
    byId("in-stock").addEventListener("change", changed);
    for (const choice of document.querySelectorAll("input[name=category]")) choice.addEventListener("change", changed);
    byId("filters").addEventListener("submit", (event) => {
      event.preventDefault();
      changed();
    });
    byId("clear").addEventListener("click", () => {
      this.clear();
      changed();
    });
  }

  // Offers only what this shop can answer.
  build(shop) {
    this.shop = shop;
    const column = (name) => shop.columns.find((each) => each.name === name && each.filled > 0);
    byId("money").hidden = !column("price");
    byId("stock").hidden = !column("availability");
    byId("words").hidden = shop.columns.length === 0;
    byId("kind").hidden = shop.garments.length === 0;
    byId("currency").textContent = shop.currencies.length === 1 ? shop.currencies[0] : "";
    this.range = column("price")?.range || [];
    this.translate();
  }

  translate() {
    if (!this.shop) return;
    if (this.range.length === 2) {
      byId("lowest").placeholder = `${t("from")} ${Math.floor(this.range[0])}`;
      byId("highest").placeholder = `${t("to")} ${Math.ceil(this.range[1])}`;
    }
    const names = this.shop.columns.filter((each) => each.filled > 0).map((each) => each.name);
    byId("columns").textContent = t("columns", { columns: names.join(", ") });
    byId("garments").replaceChildren(...["", ...this.shop.garments].map((garment) => this.option(garment)));
  }

  option(garment) {
    const input = make("input", { type: "radio", name: "garment", value: garment });
    input.checked = garment === this.garment;
    input.addEventListener("change", () => {
      this.garment = garment;
      this.changed();
    });
    return make("label", {}, input, make("span", {}, garment ? term(garment) : t("asFound")));
  }

  showFound(answer) {
    const found = byId("found");
    if (!answer.garment) {
      found.replaceChildren(t("noGarment"));
      return;
    }
    const sure = this.garment ? t("chosen") : answer.garment_probability === null ? "" : t("sure", { share: percent(answer.garment_probability) });
    found.replaceChildren(make("strong", {}, term(answer.garment)), sure ? make("span", {}, sure) : "");
  }

  parameters() {
    const category = document.querySelector("input[name=category]:checked").value;
    const where = this.where();
    byId("clear").hidden = !where && !this.garment && category === "soft";
    return { category, garment: this.garment, where };
  }

  where() {
    const parts = [];
    const [lowest, highest] = ["lowest", "highest"].map((id) => byId(id).valueAsNumber);
    if (Number.isFinite(lowest)) parts.push(`price >= ${plain(lowest)}`);
    if (Number.isFinite(highest)) parts.push(`price <= ${plain(highest)}`);
    if (byId("in-stock").checked) parts.push("in stock");
    const words = byId("where").value.trim();
    if (words) parts.push(parts.length ? `(${words})` : words);
    return parts.join(" and ");
  }

  clear() {
    this.garment = "";
    for (const id of ["lowest", "highest", "where"]) byId(id).value = "";
    byId("in-stock").checked = false;
    document.querySelector("input[name=category][value=soft]").checked = true;
    byId("garments").querySelector("input").checked = true;
  }
}

// The filter language knows no exponents.
function plain(number) {
  return number.toFixed(2).replace(/\.?0+$/, "");
}
