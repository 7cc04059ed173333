// Only adds: every page works without it.
"use strict";

// Times in the reader's zone, short enough for a line; UTC stays in the title.
const shown = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) time.textContent = shown.format(at);
  }
}
localTimes(document);

// Keys: `/` search, `j` and `k` rows, Enter opens, `?` help.
const rows = () => [...document.querySelectorAll("tbody tr[data-key], .timeline .entry")];
function move(by) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.findIndex((row) => row.classList.contains("here"));
  const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
  for (const row of all) row.classList.remove("here");
  next.classList.add("here");
  next.scrollIntoView({ block: "nearest" });
  const link = next.querySelector("a");
  if (link) link.focus({ preventScroll: true });
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  const search = document.getElementById("search");
  if (event.key === "/" && search) { search.focus(); search.select(); event.preventDefault(); }
  if (event.key === "j") move(1);
  if (event.key === "k") move(-1);
  if (event.key === "?") document.querySelector('footer a[href$="help"]')?.click();
});

// Lists stay current: cells of rows that are shown change in place, new rows wait above until they
// are asked for, so that nothing moves under the cursor. A row that is in the list no more says so.
function marksGone(row) {
  row.classList.add("gone");
  const mark = document.createElement("span");
  mark.className = "badge plain";
  mark.textContent = "no longer here";
  row.querySelector("td")?.append(" ", mark);
}
async function refresh(table) {
  if (document.hidden || document.querySelector("details.work[open]")) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  localTimes(fresh);
  const known = new Map([...table.querySelectorAll("tr[data-key]")].map((row) => [row.dataset.key, row]));
  let added = 0;
  const present = new Set();
  for (const row of fresh.querySelectorAll("[data-live] table.rows tr[data-key]")) {
    const old = known.get(row.dataset.key);
    present.add(row.dataset.key);
    if (!old) added += 1;
    else if (old.innerHTML !== row.innerHTML && !old.matches(":focus-within")) {
      old.innerHTML = row.innerHTML;
      old.classList.remove("gone");
    }
  }
  // The last rows may stand on the next page now: those are not gone.
  const all = [...known.values()];
  if (fresh.querySelector("nav.turn a[rel=next]")) {
    while (all.length > 0 && !present.has(all.at(-1).dataset.key)) all.pop();
  }
  for (const row of all) {
    if (!present.has(row.dataset.key) && !row.classList.contains("gone")) marksGone(row);
  }
  const note = document.getElementById("fresh");
  if (note) {
    note.hidden = added === 0;
    note.textContent = added === 1 ? "1 new row: show it" : `${added} new rows: show them`;
  }
}
const live = document.querySelector("[data-live] table.rows");
if (live) setInterval(() => refresh(live).catch(() => {}), 5000);
document.getElementById("fresh")?.addEventListener("click", () => location.reload());

// The slider leads to a moment of the past, once it stands still: arrow keys pass through many.
for (const slider of document.querySelectorAll("input[data-moments]")) {
  const moments = JSON.parse(slider.dataset.moments);
  slider.hidden = false;
  let waits;
  slider.addEventListener("input", () => {
    clearTimeout(waits);
    waits = setTimeout(() => {
      const address = new URL(location.href);
      const last = Number(slider.value) === moments.length - 1;
      if (last) address.searchParams.delete("as_of");
      else address.searchParams.set("as_of", moments[Number(slider.value)]);
      sessionStorage.setItem("slides", "1");
      location.href = address;
    }, 400);
  });
  if (sessionStorage.getItem("slides")) slider.focus({ preventScroll: true });
  sessionStorage.removeItem("slides");
}
