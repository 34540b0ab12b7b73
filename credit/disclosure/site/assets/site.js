// Remembers the language chosen on any page. Without this the switch works on each page by itself.
(() => {
  "use strict";
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("lang"); } catch { return null; } };
  const show = (lang) => { root.lang = lang === "en" ? "en" : "zh-CN"; };
  const mark = () => {
    const chosen = document.getElementById(root.lang === "en" ? "lang-en" : "lang-zh");
    if (chosen) chosen.checked = true;
  };
  show(stored());
  document.addEventListener("DOMContentLoaded", () => {
    mark();
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
