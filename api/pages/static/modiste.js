// Makes the pages handier; each of them works without it. A photo may be dropped or pasted anywhere, and is sent at once.
"use strict";

const MAX_BYTES = 64 * 2 ** 20;
const SHOWN_PX = 1024; // large enough to search with a part of it
const ASKED = "modiste-asked";
const root = document.documentElement;

// The photo that is searched with stays in this tab: a small copy, shown above the answer.
async function remember(file) {
  sessionStorage.removeItem(ASKED);
  try {
    const image = await createImageBitmap(file);
    const scale = Math.min(1, SHOWN_PX / Math.max(image.width, image.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(image.width * scale));
    canvas.height = Math.max(1, Math.round(image.height * scale));
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    sessionStorage.setItem(ASKED, canvas.toDataURL("image/jpeg", 0.85));
  } catch {
    // No picture that this browser knows: the server says what it thinks of it.
  }
}

function fault(file) {
  if (file.size === 0) return "That file is empty. Choose another photo.";
  return file.size > MAX_BYTES ? "That file is too large: a photo may have at most 64 MB." : "";
}

async function send(form, file) {
  const told = form.querySelector("[data-told]");
  told.textContent = fault(file);
  if (told.textContent) return;
  told.textContent = "Looking at the photo …";
  root.classList.add("busy");
  await remember(file);
  form.submit();
}

function dropForm() {
  return document.querySelector("form[data-drop]");
}

function take(files) {
  const file = [...files].find((one) => one.type.startsWith("image/")) ?? files[0];
  const form = dropForm();
  const carrier = new DataTransfer();
  carrier.items.add(file);
  form.querySelector("input[type=file]").files = carrier.files;
  send(form, file);
}

function listen() {
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let depth = 0;
  const settle = (by) => {
    depth = Math.max(0, by === 0 ? 0 : depth + by);
    root.classList.toggle("over", depth > 0);
  };
  document.addEventListener("dragenter", (event) => holdsFiles(event) && settle(1));
  document.addEventListener("dragleave", (event) => holdsFiles(event) && settle(-1));
  document.addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    settle(0);
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take(event.clipboardData.files);
  });
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-drop]");
    if (form && event.target.files?.length) send(form, event.target.files[0]);
  });
}

// Phones' choosers of photos leave out the camera, so it gets a button of its own.
function offerCamera(form) {
  const button = form.querySelector("[data-camera]");
  const input = form.querySelector("input[type=file]");
  button.hidden = !matchMedia("(pointer: coarse)").matches;
  button.addEventListener("click", () => {
    input.setAttribute("capture", "environment");
    input.click();
    input.removeAttribute("capture");
  });
}

// Coming back to a page, it is not busy any more.
addEventListener("pageshow", () => {
  root.classList.remove("busy");
  document.querySelectorAll("[data-told]").forEach((told) => (told.textContent = ""));
  document.querySelectorAll("form[data-drop]").forEach((form) => form.reset());
});

// Filters that say nothing stay out of the address.
document.querySelectorAll("form[data-tidy]").forEach((form) =>
  form.addEventListener("formdata", (event) => {
    const said = [...event.formData].filter(([, value]) => value !== "");
    [...new Set(event.formData.keys())].forEach((name) => event.formData.delete(name));
    said.forEach(([name, value]) => event.formData.append(name, value));
  }),
);

const asked = document.querySelector("[data-asked]");
if (asked && sessionStorage.getItem(ASKED)) {
  asked.querySelector("img").src = sessionStorage.getItem(ASKED);
  asked.hidden = false;
}
if (dropForm()) {
  root.classList.add("ready");
  listen();
  offerCamera(dropForm());
}
