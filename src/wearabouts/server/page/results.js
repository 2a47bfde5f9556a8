// The answer as cards: photo, words, price, similarity, what agrees and what differs.

import { announce, byId, make, webAddress } from "./dom.js";
import { drawing } from "./verdict.js";
import { chance, count, money, t, term } from "./i18n.js";

const SVG = "http://www.w3.org/2000/svg";
const PATHS = { same: "M3.5 8.5 6.5 11.5 12.5 5", different: "M3.5 6h9M3.5 10h9M10.5 3 5.5 13" };

export function showAnswer(answer, more) {
  byId("notice").hidden = true;
  byId("grid").replaceChildren(...answer.matches.map((match, place) => card(match, place, more)));
  delete byId("grid").dataset.verdict;
  showCount(answer.matches.length, "foundMany");
  const whole = (name) => (answer.timings[name] ?? 0).toFixed(answer.timings[name] < 10 ? 1 : 0);
  byId("timings").textContent = t(answer.verdict ? "timingsJudged" : "timings", {
    decode: whole("decode"), encode: whole("encode"), search: whole("search"), verify: whole("verify"), total: whole("total"),
  });
}

export function showCount(found, many) {
  byId("status").classList.remove("said");
  const text = found === 0 ? "" : found === 1 ? t("foundOne") : t(many, { count: count(found) });
  if (byId("status").textContent !== text) byId("status").textContent = text;
}

export function showNotice(title, what, detail, action) {
  byId("grid").replaceChildren();
  byId("timings").textContent = "";
  byId("status").classList.add("said"); // the notice says the same
  const notice = byId("notice");
  notice.replaceChildren(make("h3", {}, title), make("p", {}, what));
  if (detail) notice.append(make("p", { class: "detail", lang: "en" }, detail));
  if (action) notice.append(action);
  notice.hidden = false;
  announce(`${title}. ${what}`);
}

function card(match, place, more) {
  const { product } = match;
  const title = product.title || product.id;
  const link = webAddress(product.link);
  const picture = make("img", {
    src: match.photo.thumbnail, alt: title, loading: place < 8 ? "eager" : "lazy", decoding: "async",
  });
  picture.addEventListener("error", () => picture.classList.add("missing"));
  const frame = link
    ? make("a", { class: "picture", href: link, target: "_blank", rel: "noopener noreferrer", "aria-label": t("visit", { title }) }, picture)
    : make("div", { class: "picture" }, picture);
  const again = make("button", { type: "button", class: "again", "aria-label": t("moreLike", { title }) }, t("moreLikeThis"));
  again.addEventListener("click", () => more(match));
  const judged = typeof match.probability === "number";
  const badge = judged && place === 0 ? make("span", { class: "badge" }, drawing("same"), t("verdict_same")) : "";
  return make(
    "li", { class: "card", "data-product": product.id, "data-unlikely": judged || match.unlikely ? String(match.unlikely) : null },
    make("div", { class: "frame-area" }, frame, badge, again),
    judged ? probability(match) : "",
    make("div", { class: "card-text" }, product.brand ? make("p", { class: "brand" }, product.brand) : "", heading(title, link), priceLine(product)),
    judged ? "" : similarity(match.similarity),
    chips(match),
  );
}

// The main figure of a judged piece; how much the photos look alike is another thing, and stands below it, small.
function probability({ probability: share, similarity: cosine }) {
  const bar = make("span", { class: "bar" });
  bar.style.setProperty("--share", Math.min(Math.max(share, 0), 1).toFixed(3));
  const figure = chance(share);
  return make(
    "div", { class: "probability" },
    make("p", { class: "chance", "aria-label": t("chanceFull", { figure }), role: "img" }, make("strong", {}, figure), make("span", {}, t("chance"))),
    make("span", { class: "track" }, bar),
    make("p", { class: "cosine", title: t("similarityFull", { figure: cosine.toFixed(2) }) }, `${t("similarity")} ${cosine.toFixed(2)}`),
  );
}

function heading(title, link) {
  if (!link) return make("h3", {}, title);
  return make("h3", {}, make("a", { href: link, target: "_blank", rel: "noopener noreferrer", tabindex: "-1" }, title));
}

function priceLine(product) {
  if (product.price === null) return "";
  const sale = product.regular_price !== null && product.regular_price > product.price;
  const gone = product.availability && product.availability !== "in_stock" ? t(product.availability) : "";
  return make(
    "p", { class: "price" },
    make("span", { class: sale ? "sale" : "" }, money(product.price, product.currency)),
    sale ? make("s", {}, make("span", { class: "unseen" }, `${t("before")} `), money(product.regular_price, product.currency)) : "",
    gone ? make("span", { class: "stock" }, gone) : "",
  );
}

function similarity(value) {
  const figure = value.toFixed(2);
  const bar = make("span", { class: "bar" });
  bar.style.setProperty("--share", Math.min(Math.max(value, 0), 1).toFixed(3));
  return make(
    "div", { class: "similarity", role: "img", "aria-label": t("similarityFull", { figure }), title: t("similarity") },
    make("span", { class: "track" }, bar), make("span", { class: "figure" }, figure),
  );
}

function chips(match) {
  const all = [...match.agrees.map((text) => chip(text, "same")), ...match.differs.map((text) => chip(text, "different"))];
  return all.length ? make("ul", { class: "facts" }, ...all) : "";
}

// "color: black" or "color: black → navy"
function chip(text, kind) {
  const at = text.indexOf(": ");
  const name = at < 0 ? "" : term(text.slice(0, at));
  const value = text.slice(at < 0 ? 0 : at + 2).split(" → ").map(term).join(" → ");
  return make(
    "li", { class: kind }, sign(kind),
    make("span", { class: "unseen" }, `${t(kind === "same" ? "agrees" : "differs")}: `), name ? `${name} ${value}` : value,
  );
}

function sign(kind) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[kind]);
  drawing.append(path);
  return drawing;
}
