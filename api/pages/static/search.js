// On the answer to a photo: a box dragged over the photo says which part of it is meant, and it is searched with again.
"use strict";

const SMALLEST = 0.05;
const figure = document.querySelector("[data-asked]");
const again = document.querySelector("form[data-again]");
const kept = sessionStorage.getItem("modiste-asked");

function show(crop) {
  const box = figure.querySelector("[data-box]");
  const [left, top, width, height] = crop.split(",").map(Number);
  box.hidden = crop === "";
  if (crop !== "")
    Object.assign(box.style, {
      left: `${100 * left}%`, top: `${100 * top}%`, width: `${100 * width}%`, height: `${100 * height}%`,
    });
  again.elements.crop.value = crop;
  again.querySelectorAll("[data-part]").forEach((part) => {
    part.setAttribute("aria-pressed", String(part.dataset.part === crop));
  });
}

// Shares of the photo, from 0 to 1.
function place(event) {
  const { left, top, width, height } = figure.getBoundingClientRect();
  const within = (share) => Math.min(1, Math.max(0, share));
  return [within((event.clientX - left) / width), within((event.clientY - top) / height)];
}

function between([x1, y1], [x2, y2]) {
  const sides = [Math.min(x1, x2), Math.min(y1, y2), Math.abs(x1 - x2), Math.abs(y1 - y2)];
  return sides[2] < SMALLEST || sides[3] < SMALLEST ? "" : sides.map((share) => share.toFixed(3)).join(",");
}

function drag(event) {
  if (event.button !== 0) return;
  event.preventDefault();
  figure.setPointerCapture(event.pointerId);
  const start = place(event);
  const move = (moved) => show(between(start, place(moved)));
  figure.addEventListener("pointermove", move);
  const end = () => {
    figure.removeEventListener("pointermove", move);
    again.querySelector("button:not([type])").focus();
  };
  figure.addEventListener("lostpointercapture", end, { once: true });
}

function file() {
  const letters = atob(kept.slice(kept.indexOf(",") + 1));
  return new File([Uint8Array.from(letters, (letter) => letter.charCodeAt(0))], "photo.jpg", { type: "image/jpeg" });
}

if (figure && again && kept) {
  again.hidden = false;
  show(again.elements.crop.value);
  figure.addEventListener("pointerdown", drag);
  again.addEventListener("click", (event) => {
    const part = event.target.closest("[data-part]");
    if (part) show(part.dataset.part);
  });
  again.addEventListener("submit", () => {
    const carrier = new DataTransfer();
    carrier.items.add(file());
    again.elements.photo.files = carrier.files;
    document.documentElement.classList.add("busy");
  });
}
