// Remembers the language chosen on any page, and opens what an address points to. Without this the switch works on each
// page by itself, and what is folded is opened by hand.
(() => {
  "use strict";
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("lang"); } catch { return null; } };
  const show = (lang) => { root.lang = lang === "en" ? "en" : "zh-CN"; };
  const mark = () => {
    const chosen = document.getElementById(root.lang === "en" ? "lang-en" : "lang-zh");
    if (chosen) chosen.checked = true;
  };
  // What an address points to is not left folded.
  const unfold = () => {
    const details = document.getElementById(location.hash.slice(1))?.closest("details");
    if (details) details.open = true;
  };
  show(stored());
  addEventListener("hashchange", unfold);
  document.addEventListener("DOMContentLoaded", () => {
    mark();
    unfold();
    for (const lang of ["zh", "en"]) {
      document.getElementById(`lang-${lang}`).addEventListener("change", () => {
        show(lang);
        try { localStorage.setItem("lang", lang); } catch { /* not remembered */ }
      });
    }
  });
  // A page that comes back from the browser's memory may be older than the choice.
  addEventListener("pageshow", (event) => { if (event.persisted) { show(stored()); mark(); } });
})();
