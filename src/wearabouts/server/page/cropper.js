// The crop box over the query photo: mouse, touch and keyboard. Boxes are in pixels of the upright photo.

import { announce, make } from "./dom.js";
import { t } from "./i18n.js";

const CORNERS = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const LEAST = 0.05; // of the photo's longer side
const STEP = 0.02;
const NEARLY_ALL = 0.97;

export class Cropper {
  // search(box) is called when a drag ends or Enter is pressed; changed() when the box moves without a search.
  constructor(frame, image, crop, { search, changed }) {
    this.frame = frame;
    this.image = image;
    this.crop = crop;
    this.search = search;
    this.changed = changed;
    this.size = { width: 0, height: 0 };
    this.box = null;
    this.drag = null;
    crop.append(...CORNERS.map((corner) => make("span", { class: `handle ${corner}`, "data-corner": corner })));
    frame.addEventListener("pointerdown", (event) => this.down(event));
    frame.addEventListener("pointermove", (event) => this.move(event));
    frame.addEventListener("pointerup", (event) => this.up(event));
    frame.addEventListener("pointercancel", () => this.cancel());
    crop.addEventListener("keydown", (event) => this.key(event));
    image.addEventListener("dragstart", (event) => event.preventDefault());
  }

  // The upright size comes from the server's answer, or from the image while there is none.
  show(size, box) {
    this.size = size;
    this.box = box || this.all();
    this.draw();
  }

  all() {
    return { left: 0, top: 0, width: this.size.width, height: this.size.height };
  }

  isWhole() {
    const { width, height } = this.size;
    return this.box.width * this.box.height >= NEARLY_ALL * width * height;
  }

  draw() {
    const { width, height } = this.size;
    if (!width || !height) return;
    const { style } = this.crop;
    style.left = `${(100 * this.box.left) / width}%`;
    style.top = `${(100 * this.box.top) / height}%`;
    style.width = `${(100 * this.box.width) / width}%`;
    style.height = `${(100 * this.box.height) / height}%`;
    this.frame.classList.toggle("whole", this.isWhole());
    this.crop.setAttribute("aria-label", t("cropBox", this.percents()));
  }

  percents() {
    const part = (value, whole) => Math.round((100 * value) / whole);
    const { width, height } = this.size;
    return {
      left: part(this.box.left, width), top: part(this.box.top, height),
      width: part(this.box.width, width), height: part(this.box.height, height),
    };
  }

  point(event) {
    const area = this.image.getBoundingClientRect();
    const inside = (value, whole) => Math.min(Math.max(value, 0), whole);
    return {
      x: inside(((event.clientX - area.left) / area.width) * this.size.width, this.size.width),
      y: inside(((event.clientY - area.top) / area.height) * this.size.height, this.size.height),
    };
  }

  down(event) {
    if (!this.size.width || (event.pointerType === "mouse" && event.button !== 0)) return;
    const corner = event.target.dataset?.corner;
    const inside = event.target === this.crop;
    const touch = event.pointerType === "touch";
    if (!corner && touch && (!inside || this.isWhole())) return; // a finger outside the handles scrolls the page
    const from = this.point(event);
    const way = corner || (inside && !this.isWhole() ? "move" : "draw");
    this.drag = { way, from, box: { ...this.box }, before: { ...this.box }, id: event.pointerId };
    this.frame.setPointerCapture(event.pointerId);
    this.crop.focus({ preventScroll: true });
    event.preventDefault();
  }

  move(event) {
    if (!this.drag || event.pointerId !== this.drag.id) return;
    const to = this.point(event);
    const { way, from, box } = this.drag;
    if (way === "move") this.box = this.moved(box, to.x - from.x, to.y - from.y);
    else if (way === "draw") this.box = this.between(from, to);
    else this.box = this.resized(box, way, to.x - from.x, to.y - from.y);
    this.draw();
  }

  up(event) {
    if (!this.drag || event.pointerId !== this.drag.id) return;
    const { before } = this.drag;
    this.drag = null;
    const least = this.least();
    if (this.box.width < least || this.box.height < least) this.box = before; // a click, not a drag
    this.draw();
    if (["left", "top", "width", "height"].some((side) => Math.abs(this.box[side] - before[side]) >= 1)) this.finish();
  }

  cancel() {
    if (this.drag) this.box = this.drag.before;
    this.drag = null;
    this.draw();
  }

  finish() {
    this.search(this.rounded());
  }

  key(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key === "Enter") {
      event.preventDefault();
      this.finish();
    } else if (event.key === "Escape") {
      this.box = this.all();
      this.after();
    } else if (ways[event.key]) {
      event.preventDefault();
      const step = Math.max(1, STEP * Math.max(this.size.width, this.size.height));
      const [x, y] = ways[event.key].map((way) => way * step);
      this.box = event.shiftKey ? this.resized(this.box, "se", x, y) : this.moved(this.box, x, y);
      this.after();
    }
  }

  after() {
    this.draw();
    this.changed();
    announce(t("cropBox", this.percents()));
  }

  least() {
    return LEAST * Math.max(this.size.width, this.size.height);
  }

  moved(box, x, y) {
    const within = (value, most) => Math.min(Math.max(value, 0), most);
    return {
      ...box,
      left: within(box.left + x, this.size.width - box.width),
      top: within(box.top + y, this.size.height - box.height),
    };
  }

  between(a, b) {
    return { left: Math.min(a.x, b.x), top: Math.min(a.y, b.y), width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) };
  }

  resized(box, way, x, y) {
    const least = this.least();
    let [left, top, right, bottom] = [box.left, box.top, box.left + box.width, box.top + box.height];
    if (way.includes("w")) left = Math.min(Math.max(left + x, 0), right - least);
    if (way.includes("e")) right = Math.max(Math.min(right + x, this.size.width), left + least);
    if (way.includes("n")) top = Math.min(Math.max(top + y, 0), bottom - least);
    if (way.includes("s")) bottom = Math.max(Math.min(bottom + y, this.size.height), top + least);
    return { left, top, width: right - left, height: bottom - top };
  }

  rounded() {
    const round = (value) => Math.round(value * 10) / 10;
    const { left, top, width, height } = this.box;
    return { left: round(left), top: round(top), width: round(width), height: round(height) };
  }
}
