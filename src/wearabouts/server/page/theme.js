// Runs before the first paint, so that a remembered theme never flashes the other one.
(() => {
  const read = () => { try { return localStorage.getItem("wearabouts-theme"); } catch { return null; } };
  const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
  const remembered = read();
  if (remembered === "light" || remembered === "dark") document.documentElement.dataset.theme = remembered;
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const now = document.documentElement.dataset.theme || (dark() ? "dark" : "light");
      const next = now === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      try { localStorage.setItem("wearabouts-theme", next); } catch { /* private mode: the choice lasts for this page */ }
    });
  });
})();
