// What the answer says of the first piece: the very same, similar, or not in this shop; how sure to be before saying so.

import { byId, make } from "./dom.js";
import { chance, count, percent, t } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const MARKS = {
  same: "M7 12.5l3.5 3.5L17.5 8.5",
  similar: "M6.5 10c2-2.2 3.7-2.2 5.5-.9s3.5 1.3 5.5-.9M6.5 15.5c2-2.2 3.7-2.2 5.5-.9s3.5 1.3 5.5-.9",
  not_carried: "M6.5 17.5l11-11",
};

export class Verdict {
  // `changed` is called with the level that now holds, whenever another one does.
  constructor(changed) {
    this.answer = null;
    this.open = false;
    this.changed = changed;
    this.slider = byId("precision");
    this.slider.addEventListener("input", () => this.judge());
    byId("rest").addEventListener("click", () => this.unfold());
  }

  // Only a shop whose model has a verifier asks how sure to be.
  build(shop) {
    this.judged = Boolean(shop.judge);
    if (shop.judge) this.slider.value = Math.round(shop.judge.precision * 100);
  }

  parameters() {
    return this.judged ? { precision: this.slider.value / 100, tail: true } : {};
  }

  show(answer) {
    if (answer !== this.answer) this.open = false;
    this.answer = answer;
    byId("verdict").hidden = !answer?.verdict;
    byId("tail").hidden = true;
    if (answer?.verdict) this.judge();
  }

  // The answer came with its verdict at every precision: the slider asks the shop nothing anew.
  level() {
    const wanted = this.slider.value / 100 - 1e-9;
    return this.answer.levels.find((level) => level.precision >= wanted) ?? this.answer;
  }

  judge() {
    const share = percent(this.slider.value / 100);
    byId("precision-share").textContent = share;
    this.slider.setAttribute("aria-valuetext", share);
    if (!this.answer?.verdict) return;
    const { answer } = this;
    const level = this.level();
    const first = answer.matches[0]?.probability ?? 0;
    byId("verdict").dataset.verdict = level.verdict;
    if (byId("mark").dataset.mark !== level.verdict) byId("mark").replaceChildren(drawing(level.verdict));
    byId("mark").dataset.mark = level.verdict;
    say("verdict-title", t(`verdict_${level.verdict}`));
    say("verdict-why", t(`why_${level.reason}`, { chance: chance(first) }));
    const has = level.verdict === "not_carried" ? "carriedLow" : "carried";
    say("carried", answer.carried === null ? "" : t(has, { chance: chance(answer.carried) }));
    say("said-from", level.threshold === null ? this.never() : t("saidFrom", { chance: chance(level.threshold) }));
    this.origin();
    this.arrange(level);
    this.changed(level);
  }

  // A share so high that no probability is enough for it: up to which one it is.
  never() {
    const most = this.answer.levels.findLast((level) => level.threshold !== null);
    return most ? t("saidNever", { share: percent(most.precision) }) : t("saidNowhere");
  }

  // What the figures are worth; the words come from the model's card, and stay as they are.
  origin() {
    const { own_labels: own, calibrated_on: on } = this.answer;
    const [before, after] = t(own ? "calibrated" : "estimate", { what: "\n" }).split("\n");
    byId("estimate").replaceChildren(before, make("span", { lang: "en" }, on), after);
    byId("estimate").hidden = !on;
  }

  // Which of the pieces are shown: none where the item is not here, else all but those far less likely.
  arrange(level) {
    const cards = [...byId("grid").children];
    const none = level.verdict === "not_carried";
    const rest = cards.filter((card) => none || card.dataset.unlikely === "true");
    for (const card of cards) card.hidden = rest.includes(card) && !this.open;
    byId("grid").dataset.verdict = level.verdict;
    byId("tail").hidden = rest.length === 0;
    byId("nearest").hidden = !none || this.open;
    const number = { count: count(rest.length) };
    say("rest", this.open ? t("hideRest") : rest.length === 1 ? t("showOne") : t("showRest", number));
    byId("rest").setAttribute("aria-expanded", String(this.open));
    this.rest = rest;
    this.visible = cards.length - (this.open ? 0 : rest.length);
  }

  unfold() {
    this.open = !this.open;
    const [first] = this.rest;
    this.judge();
    if (this.open) first?.querySelector("a, button")?.focus();
  }
}

// A live region is read aloud when its text is written, so only what changed is.
function say(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

export function drawing(kind) {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  const ring = document.createElementNS(SVG, "circle");
  for (const [name, value] of [["cx", 12], ["cy", 12], ["r", 10]]) ring.setAttribute(name, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", MARKS[kind]);
  picture.append(ring, path);
  return picture;
}
