// The page's words in English and Simplified Chinese, and how the two write numbers.

import { words } from "./words.js";

const REMEMBERED = "wearabouts-language";
let language = start();

function start() {
  let remembered = null;
  try { remembered = localStorage.getItem(REMEMBERED); } catch { /* private mode */ }
  if (remembered === "en" || remembered === "zh") return remembered;
  return (navigator.languages?.[0] || navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function current() {
  return language;
}

export function choose(next) {
  language = next;
  try { localStorage.setItem(REMEMBERED, next); } catch { /* the choice lasts for this page */ }
  apply();
}

export function t(name, values = {}) {
  const text = words[language][name] ?? words.en[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

// A word of the model (t_shirt, navy, v_neck) or of the shop, which stays as it is.
export function term(text) {
  return words[language].terms[text] ?? words.en.terms[text] ?? text.replaceAll("_", " ");
}

export function count(number) {
  return new Intl.NumberFormat(locale()).format(number);
}

export function percent(share) {
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 0 }).format(share);
}

// A probability as people read it; none is ever said to be certain.
export function chance(share) {
  if (share >= 0.995) return `>\u202f${percent(0.99)}`;
  return share < 0.01 ? `<\u202f${percent(0.01)}` : percent(share);
}

export function money(amount, currency) {
  try {
    return new Intl.NumberFormat(locale(), { style: "currency", currency }).format(amount);
  } catch {
    return `${new Intl.NumberFormat(locale(), { minimumFractionDigits: 2 }).format(amount)} ${currency || ""}`.trim();
  }
}

function locale() {
  return language === "zh" ? "zh-CN" : navigator.languages?.find((tag) => tag.startsWith("en")) || "en";
}

// Everything in the document that carries data-t, data-t-label or data-t-placeholder.
export function apply() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.dataset.tLabel));
    if (element.tagName === "BUTTON") element.title = t(element.dataset.tLabel);
  }
  for (const element of document.querySelectorAll("[data-t-placeholder]")) element.placeholder = t(element.dataset.tPlaceholder);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
}
