// Follows an import as it goes on, and shows how much of a feed has been sent. Both pages work without it.
"use strict";

const words = new Intl.NumberFormat("en");

function timeLeft(seconds) {
  if (!seconds) return "";
  if (seconds < 90) return seconds > 45 ? "about a minute left" : "less than a minute left";
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `about ${minutes} minutes left` : `about ${Math.round(minutes / 60)} hours left`;
}

function follow(place) {
  const events = new EventSource(place.dataset.follow);
  const show = (event) => {
    const now = JSON.parse(event.data);
    place.querySelectorAll("[data-count]").forEach((cell) => {
      const [group, name] = cell.dataset.count.split(".");
      cell.textContent = words.format(now[group][name]);
    });
    if (now.progress !== null) place.querySelector("progress").value = now.progress;
    place.querySelector("[data-rate]").textContent = now.photos_per_s >= 1 ? `${words.format(Math.round(now.photos_per_s))} photos a second` : "";
    place.querySelector("[data-left]").textContent = timeLeft(now.seconds_left);
  };
  let state;
  events.addEventListener("progress", (event) => {
    show(event);
    // Another state has other buttons and other words: the server says them.
    const now = JSON.parse(event.data);
    const shown = now.paused_at ? "paused" : now.state;
    if (state && state !== shown) location.reload();
    state = shown;
  });
  events.addEventListener("done", () => {
    events.close();
    location.reload();
  });
  addEventListener("pagehide", () => events.close());
}

function send(form, way) {
  const told = form.querySelector("[data-told]");
  const sent = form.querySelector("[data-sent]");
  const request = new XMLHttpRequest();
  // Refused: the form stays as it is, with the files that were chosen.
  const again = (why) => {
    told.textContent = why ?? "That was not taken. Try again.";
    sent.hidden = true;
    form.querySelectorAll("button").forEach((button) => { button.disabled = false; });
  };
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) sent.value = event.loaded / event.total;
  });
  request.addEventListener("load", () => {
    if (request.status === 200) location.assign(request.responseURL);
    else again(new DOMParser().parseFromString(request.responseText, "text/html").querySelector("[role=alert], h1")?.textContent);
  });
  request.addEventListener("error", () => again("The connection broke. Nothing was taken; try again."));
  request.open("POST", form.action);
  const said = new FormData(form);
  if (way?.name) said.append(way.name, way.value);
  request.send(said);
  told.textContent = "Sending …";
  sent.hidden = false;
  form.querySelectorAll("button").forEach((button) => { button.disabled = true; });
}

function put(input, file) {
  const carrier = new DataTransfer();
  carrier.items.add(file);
  input.files = carrier.files;
}

// A zip beside a feed holds its photos; alone it is the feed.
function takeDropped(form, files) {
  const zips = files.filter((file) => file.name.toLowerCase().endsWith(".zip"));
  const feeds = files.filter((file) => !zips.includes(file));
  if (feeds.length) put(form.elements.feed, feeds[0]);
  if (zips.length) put(feeds.length || form.elements.feed.files.length ? form.elements.photos : form.elements.feed, zips[0]);
}

const place = document.querySelector("[data-follow]");
if (place) follow(place);
const form = document.querySelector("[data-hand-in]");
if (form) {
  const over = (on) => document.documentElement.classList.toggle("over", on);
  form.addEventListener("submit", (event) => {
    if (![...form.querySelectorAll("input[type=file]")].some((input) => input.files.length)) return;
    event.preventDefault();
    send(form, event.submitter);
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    over(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || over(false));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    takeDropped(form, [...event.dataTransfer.files]);
  });
}
