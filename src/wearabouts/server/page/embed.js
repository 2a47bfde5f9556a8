// The search box for a shop's own page: docs/embed.md says how to place it. Everything is put in as text.
(() => {
  const script = document.currentScript;
  const server = new URL(script.src).origin;
  const { key = "", k = "8", where = "", button = "Search by photo", target = "wearabouts" } = script.dataset;
  const chinese = (script.dataset.language || document.documentElement.lang || "").startsWith("zh");

  const make = (tag, name, text = "") => {
    const element = document.createElement(tag);
    element.className = `wearabouts-${name}`;
    element.textContent = text;
    return element;
  };

  const card = ({ product, photo }) => {
    const web = /^https?:\/\//i.test(product.link);
    const element = make(web ? "a" : "div", "card");
    const picture = make("img", "photo");
    picture.src = server + photo.thumbnail;
    picture.alt = product.title;
    picture.style.cssText = "width:100%;aspect-ratio:3/4;object-fit:cover";
    if (web) element.href = product.link;
    const price = product.price === null ? "" : `${product.price.toFixed(2)} ${product.currency}`;
    element.append(picture, make("div", "title", product.title), make("div", "price", price));
    return element;
  };

  // What the shop does not carry is said, and what comes nearest is shown; else what is far less likely is left out.
  const words = {
    same: chinese ? "第一件就是照片里的那一件。" : "The first is the same item.",
    not_carried: chinese ? "本店没有这一件，下面是最接近的商品。" : "Not carried here; these come nearest.",
  };
  const said = (verdict) => words[verdict] || "";
  const worth = (verdict) => (match) => verdict === "not_carried" || !match.unlikely;

  const start = () => {
    const box = document.getElementById(target);
    const choose = make("button", "button", script.dataset.button ? button : chinese ? "以图搜款" : button);
    const input = make("input", "file");
    const status = make("p", "status");
    const grid = make("div", "grid");
    Object.assign(input, { type: "file", accept: "image/*", hidden: true });
    choose.type = "button";
    status.setAttribute("role", "status");
    grid.style.cssText = "display:grid;grid-template-columns:repeat(auto-fill,minmax(140px,1fr));gap:16px";
    choose.addEventListener("click", () => input.click());
    input.addEventListener("change", async () => {
      if (!input.files.length) return;
      status.textContent = "…";
      const body = new FormData();
      body.append("photo", input.files[0], "photo");
      input.value = "";
      try {
        const query = new URLSearchParams({ k, tail: "true", ...(where && { where }) });
        const response = await fetch(`${server}/v1/search?${query}`, { method: "POST", body, headers: key ? { "X-API-Key": key } : {} });
        const answer = await response.json();
        status.textContent = response.ok ? said(answer.verdict) : answer.detail;
        grid.replaceChildren(...(response.ok ? answer.matches.filter(worth(answer.verdict)).map(card) : []));
      } catch {
        status.textContent = chinese ? "无法连接到搜索服务。" : "The search cannot be reached.";
      }
    });
    box.replaceChildren(choose, input, status, grid);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
