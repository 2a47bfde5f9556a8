// How a photo gets in: chosen, taken, dropped, pasted or sampled; large ones are made smaller before they travel.

import { byId } from "./dom.js";

const LONGEST = 1600;
const SMALL_ENOUGH = 1_500_000;

export async function prepare(file) {
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return { blob: file, shown: null }; // a format only the server may know: it decides
  }
  try {
    return await smaller(file, picture);
  } catch {
    return { blob: file, shown: URL.createObjectURL(file) }; // too large for this browser's canvas
  }
}

async function smaller(file, picture) {
  const longest = Math.max(picture.width, picture.height);
  if (longest <= LONGEST && file.size <= SMALL_ENOUGH) return { blob: file, shown: URL.createObjectURL(file) };
  const scale = Math.min(1, LONGEST / longest);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
  return { blob, shown: URL.createObjectURL(blob) }; // fails where the canvas gave nothing, and the caller sends the file
}

export function listen(take) {
  for (const [button, input] of [["choose", "file"], ["another", "file"], ["capture", "camera"]]) {
    byId(button).addEventListener("click", () => byId(input).click());
  }
  for (const input of [byId("file"), byId("camera")]) {
    input.addEventListener("change", () => {
      if (input.files.length) take(input.files[0]);
      input.value = "";
    });
  }
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files || [])].find((item) => item.type.startsWith("image/"));
    if (file) {
      event.preventDefault();
      take(file);
    }
  });
  listenForDrops(take);
}

function listenForDrops(take) {
  const curtain = byId("curtain");
  let depth = 0;
  const carries = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (!carries(event)) return;
    depth += 1;
    curtain.hidden = false;
  });
  document.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) curtain.hidden = true;
  });
  document.addEventListener("dragover", (event) => {
    if (carries(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    curtain.hidden = true;
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}
