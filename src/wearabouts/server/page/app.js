// The page's story: a photo or words come in, are searched, framed, refined, and followed to more like it.

import { Problem, describe, rememberKey, sample, searchPhoto, searchSimilar, searchText } from "./api.js";
import { Cropper } from "./cropper.js";
import { byId, make } from "./dom.js";
import { Filters } from "./filters.js";
import { apply, choose, count, current, t } from "./i18n.js";
import { listen, prepare } from "./photo.js";
import { showAnswer, showCount, showNotice } from "./results.js";
import { Words } from "./text.js";
import { Verdict } from "./verdict.js";

const PER_PAGE = 24;
const NOTICES = {
  image: "image", box: "image", form: "image", "media-type": "image", size: "size", rate: "rate", busy: "busy",
  store: "busy", slow: "network", network: "network", query: "query", parameter: "query",
};

const state = { shop: null, photo: null, box: null, like: null, answer: null, running: null };

const filters = new Filters(() => search());
const words = new Words(() => {
  Object.assign(state, { like: null, answer: null });
  if (!state.photo && !words.text) {
    byId("home").click();
    return;
  }
  showPhoto();
  search();
});
const verdict = new Verdict(() => showCount(verdict.visible, "foundLikeliest"));
const cropper = new Cropper(byId("cropper"), byId("photo"), byId("crop"), {
  search: (box) => {
    state.box = box;
    search();
  },
  changed: () => { byId("part").hidden = false; },
});

async function take(file) {
  byId("working").hidden = false;
  if (state.photo?.shown) URL.revokeObjectURL(state.photo.shown);
  Object.assign(state, { photo: await prepare(file), box: null, like: null, answer: null });
  filters.garment = "";
  filters.translate();
  showPhoto();
  await search();
}

function showPhoto() {
  document.body.dataset.view = "results";
  const image = byId("photo");
  const shown = state.like ? state.like.photo.thumbnail : state.photo?.shown;
  byId("cropper").classList.toggle("still", Boolean(state.like) || !shown);
  byId("stage").hidden = !state.like && !state.photo;
  byId("back").hidden = !state.like || !(state.photo || words.text);
  name("back", state.photo ? "back" : "backWords");
  name("query-title", state.like ? "thisPiece" : state.photo ? "yourPhoto" : "yourWords");
  name("another", state.photo || state.like ? "another" : "addPhoto");
  byId("kind").hidden = Boolean(state.like) || !state.photo || !state.shop?.garments.length;
  words.show(Boolean(state.photo), Boolean(state.like));
  image.alt = state.like ? state.like.product.title : t("photoAlt");
  image.hidden = !shown;
  image.onload = () => {
    if (!state.like && !state.answer) cropper.show({ width: image.naturalWidth, height: image.naturalHeight }, null);
  };
  if (shown) image.src = shown;
  if (!state.like) showSearched();
}

function name(id, words) {
  byId(id).dataset.t = words;
  byId(id).textContent = t(words);
}

function showSearched() {
  const found = state.like || !state.photo ? null : state.answer?.box_origin;
  const origin = found === "given" && cropper.isWhole() ? "whole" : found;
  const sentences = { whole: "searchedWhole", salient: "searchedSalient", given: "searchedGiven" };
  const unseen = state.photo && !state.photo.shown && !state.like;
  byId("searched").textContent = unseen ? t("noPreview") : origin ? t(sentences[origin]) : "";
  byId("searched").dataset.origin = origin || "";
  byId("whole").hidden = !origin || origin === "whole";
  byId("part").hidden = true;
}

async function search() {
  if (!state.photo && !state.like && !words.text) return;
  state.running?.abort();
  const running = new AbortController();
  state.running = running;
  byId("working").hidden = false;
  byId("grid").setAttribute("aria-busy", "true");
  byId("status").classList.remove("said");
  byId("status").textContent = t("searching");
  try {
    const answer = await ask(running.signal);
    if (state.running !== running) return;
    state.answer = answer;
    show();
  } catch (error) {
    if (error.name !== "AbortError" && state.running === running) showProblem(error);
  } finally {
    if (state.running === running) {
      byId("working").hidden = true;
      byId("grid").removeAttribute("aria-busy");
    }
  }
}

function ask(signal) {
  const { category, garment, where } = filters.parameters();
  const k = Math.min(PER_PAGE, state.shop?.max_k ?? PER_PAGE);
  if (state.like) return searchSimilar(state.like.product.id, { k, where }, signal);
  if (!state.photo) return searchText({ k, where, ...words.parameters(false) }, signal);
  const box = state.box ? [state.box.left, state.box.top, state.box.width, state.box.height].join(",") : "";
  return searchPhoto(state.photo.blob, { k, box, category, garment, where, ...words.parameters(true), ...verdict.parameters() }, signal);
}

function show() {
  const { answer } = state;
  if (!state.like && state.photo) {
    cropper.show(answer.size, answer.box);
    filters.showFound(answer);
  }
  showSearched();
  verdict.show(null);
  if (answer.matches.length) {
    showAnswer(answer, more);
    verdict.show(answer);
  } else if (state.shop?.products === 0) {
    showNotice(t("emptyShop"), t("emptyShopWhat"), "", null);
  } else {
    const clear = make("button", { type: "button", class: "secondary small" }, t("clear"));
    clear.addEventListener("click", () => byId("clear").click());
    showNotice(t("emptyTitle"), t("emptyWhat"), "", clear);
  }
}

function more(match) {
  state.like = match;
  state.answer = null;
  showPhoto();
  scrollTo({ top: 0, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  byId("results").focus({ preventScroll: true });
  search();
}

function showProblem(error) {
  if (!(error instanceof Problem)) throw error;
  state.answer = null;
  verdict.show(null);
  byId("found").replaceChildren();
  byId("searched").textContent = "";
  if (error.status === 401) {
    showNotice(t("keyTitle"), t("keyWhat"), "", keyForm());
    return;
  }
  const found = NOTICES[error.kind] || "internal";
  const kind = found === "query" && words.text && !filters.where() ? "words" : found;
  const again = make("button", { type: "button", class: "secondary small" }, t("again"));
  again.addEventListener("click", () => search());
  showNotice(t(`${kind}Title`), t(`${kind}What`, { retry: error.retry || "60" }), error.message, kind === "image" ? null : again);
}

function keyForm() {
  const input = make("input", { type: "password", autocomplete: "off", "aria-label": t("key"), required: true });
  const form = make("form", { class: "key" }, input, make("button", { type: "submit", class: "secondary small" }, t("enter")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    rememberKey(input.value.trim());
    await meet();
    if (state.shop) await search();
  });
  return form;
}

// What this shop can answer; asked again once a key is known.
async function meet() {
  try {
    state.shop = await describe();
  } catch (error) {
    if (error.status === 401) document.body.dataset.view = "results";
    showProblem(error);
    return;
  }
  document.title = state.shop.name;
  byId("home").textContent = state.shop.name;
  filters.build(state.shop);
  words.build(state.shop);
  verdict.build(state.shop);
  showSamples();
  translate();
  if (!state.photo && !words.text) document.body.dataset.view = "start";
}

function showSamples() {
  byId("samples").hidden = state.shop.samples.length === 0;
  byId("strip").replaceChildren(...state.shop.samples.map((path, place) => {
    const label = t("sample", { number: place + 1 });
    const button = make("button", { type: "button", class: "sample", "aria-label": label }, make("img", { src: path, alt: "", loading: "lazy" }));
    button.addEventListener("click", async () => {
      byId("working").hidden = false;
      try {
        await take(await sample(path));
      } catch (error) {
        byId("working").hidden = true;
        document.body.dataset.view = "results";
        showProblem(error);
      }
    });
    return button;
  }));
}

function translate() {
  apply();
  filters.translate();
  if (state.shop) {
    const { products, photos, model } = state.shop;
    byId("facts").textContent = t("facts", { products: count(products), photos: count(photos), model });
    [...byId("strip").children].forEach((button, place) => button.setAttribute("aria-label", t("sample", { number: place + 1 })));
  }
  if (state.answer) show();
  else if ((state.photo || words.text) && !byId("notice").hidden) search();
}

byId("whole").addEventListener("click", () => {
  // The whole photo, said as a box, so that no crop is looked for.
  state.box = cropper.all();
  search();
});
byId("part").addEventListener("click", () => cropper.finish());
byId("back").addEventListener("click", () => {
  state.like = null;
  state.answer = null;
  showPhoto();
  search();
});
byId("home").addEventListener("click", (event) => {
  event.preventDefault();
  state.running?.abort();
  Object.assign(state, { photo: null, box: null, like: null, answer: null });
  words.set("");
  byId("working").hidden = true;
  document.body.dataset.view = "start";
});
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    choose(button.dataset.language);
    translate();
  });
}
const narrow = matchMedia("(max-width: 760px)");
const fold = () => { byId("refinements").open = !narrow.matches; };
narrow.addEventListener("change", fold);
fold();
apply();
listen(take);
document.documentElement.dataset.language = current();
meet();
