// Turns the pages of the catalogue into one that goes on, and finds its place again when somebody comes back to it.
"use strict";

const grid = document.querySelector("[data-endless]");
const AHEAD = "1200px";
const PLACE = `modiste-place ${location.pathname}${location.search}`;

async function more(link) {
  const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  grid.append(...(page.querySelector("[data-endless]")?.children ?? []));
  const next = page.querySelector("nav.paging a[rel=next]");
  if (next) link.href = next.href;
  else link.remove();
  return Boolean(next);
}

// Where the browser did not keep the page itself: as many pages again, and the place among them.
async function comeBack(link) {
  const kept = JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
  const [how] = performance.getEntriesByType("navigation");
  if (!kept || how?.type !== "back_forward") return;
  while (grid.children.length < kept.listings && link.isConnected && (await more(link)));
  scrollTo(0, kept.y);
}

async function goOn(link) {
  await comeBack(link);
  let busy = false;
  const watch = new IntersectionObserver(
    async ([seen]) => {
      if (!seen.isIntersecting || busy) return;
      busy = true;
      if (await more(link).catch(() => false)) {
        busy = false;
        // What is still in sight is no news to the observer.
        watch.unobserve(link);
        watch.observe(link);
      } else watch.disconnect();
    },
    { rootMargin: AHEAD },
  );
  if (link.isConnected) watch.observe(link);
}

const next = document.querySelector("nav.paging a[rel=next]");
if (grid && next) {
  goOn(next);
  addEventListener("pagehide", () =>
    sessionStorage.setItem(PLACE, JSON.stringify({ listings: grid.children.length, y: scrollY })),
  );
}
