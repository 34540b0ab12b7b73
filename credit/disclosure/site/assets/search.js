// Search by any part of a name, by several parts, with or without what names of places and firms end in, in traditional
// characters, in pinyin or by its first letters, by any part of a code or by the beginning of an id. The index is described in search.py of the program.
(() => {
  "use strict";
  const SHOWN = 30, FILES = 3, CODES = 5;
  const box = document.getElementById("q");
  const list = document.getElementById("results");
  const status = document.getElementById("search-status");
  const files = new Map();
  let directory = null, marks = [];
  const folds = new Map();
  let latest = 0;

  // As in search.py: what people leave out of a name.
  const leftOut = /(?:股份)?有限(?:责任)?公司|公司|个体工商户|[省市县区]|[^\p{L}\p{N}]/gu;
  const short = (text) => { const [first = "", ...rest] = Array.from(text); return first + rest.join("").replace(leftOut, ""); };
  const folded = (text) => folds.size ? Array.from(text, (letter) => folds.get(letter) || letter).join("") : text;
  const normal = (text) => folded(text.normalize("NFKC").toLowerCase().replace(/\s+/g, " ").trim());

  // Keys are in order of code points; < of JavaScript compares UTF-16 units.
  const before = (a, b) => {
    const x = Array.from(a), y = Array.from(b);
    for (let i = 0; i < Math.min(x.length, y.length); i++) {
      if (x[i] !== y[i]) return x[i].codePointAt(0) < y[i].codePointAt(0);
    }
    return x.length < y.length;
  };

  const fetched = (path) => {
    if (!files.has(path)) {
      const reading = fetch(path).then((answer) => {
        if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
        return answer.json();
      });
      reading.catch(() => files.delete(path));
      files.set(path, reading);
    }
    return files.get(path);
  };

  const matches = ([name, id, , , , category, code, spelled, shop], part) => {
    const plain = normal(name), brief = short(part);
    const sign = shop ? normal(shop) : "";
    return plain.includes(part) || sign.includes(part) || (brief.length > 1 && short(plain).includes(brief)) || normal(id).startsWith(part)
      || (code && normal(code).includes(part)) || (spelled && spelled.split(" ").some((way) => way.includes(part))) || (category && normal(category).includes(part));
  };

  // What is asked in one piece first; then every part of it, looked up by each part until there is something.
  const lookUp = async (query) => {
    const parts = query.split(" "), texts = [query, short(query), ...(parts.length > 1 ? parts.flatMap((part) => [part, short(part)]) : [])];
    // Every third character of a code begins a key: so many of the first ones may have to be left out.
    if (/^[0-9a-z]{6,}$/.test(query)) texts.push(query.slice(1), query.slice(2));
    let last = { lines: [], more: false };
    for (const text of new Set(texts.filter(Boolean))) {
      last = await piece(text, parts.length > 1 && text !== query && text !== short(query) ? parts : [query]);
      if (last.lines.length) return last;
    }
    return last;
  };

  // The last file that begins at or before the text.
  const holds = (text) => {
    let low = 0, high = directory.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(text, directory[middle][0])) high = middle; else low = middle + 1;
    }
    return Math.max(low - 1, 0);
  };

  const piece = async (query, parts) => {
    const found = new Map(), codes = new Map();
    let whole = false;
    for (let place = holds(query), read = 0; read < FILES && found.size <= SHOWN; place++, read++) {
      if (place >= directory.length || (read && !directory[place][0].startsWith(query))) { whole = true; break; }
      for (const line of await fetched(`search/${directory[place][1]}`)) {
        if (line.length === 2) {
          if (parts.every((part) => normal(line[0]).includes(part))) codes.set(line[1], line[0]);
          continue;
        }
        const [, id, , , , , code, , shop] = line;
        if (parts.every((part) => matches(line, part)) && (!found.has(id) || code || shop)) found.set(id, line);
      }
    }
    // A part of a code leads to an id, and that to the merchant.
    for (const [id, code] of [...codes].slice(0, CODES)) {
      if (found.has(id)) continue;
      const line = (await fetched(`search/${directory[holds(normal(id))][1]}`)).find((merchant) => merchant[1] === id && merchant.length > 2);
      if (line) found.set(id, [...line.slice(0, 6), code]);
    }
    const rank = ([name, id]) => { const at = normal(name).indexOf(query); return normal(id) === query ? -1 : at < 0 ? 99 : at; };
    const lines = [...found.values()].sort((a, b) => rank(a) - rank(b) || a[0].length - b[0].length);
    return { lines: lines.slice(0, SHOWN), more: lines.length > SHOWN || (!whole && lines.length > 0) };
  };

  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const both = (into, zh, en) => into.append(element("span", zh, { lang: "zh" }), element("span", en, { lang: "en" }));
  const page = (id, path) => (path.length === 2 ? `merchants/${path}/${id}.html` : path).split("/").map(encodeURIComponent).join("/");

  const show = ([name, id, path, grade, flags, category, code, , shop]) => {
    const link = element("a", "", { href: page(id, path) });
    const against = marks[(flags >> 5) - 1];
    link.append(element("span", grade, { class: `mini g-${against ? "d" : "abcdn"[(flags >> 2) & 7]}` }));
    const words = element("span", "", { class: "words" });
    words.append(element("bdi", name || id));
    if (against) { const mark = element("strong", "", { class: "tag bad" }); both(mark, ...against); words.append(" ", mark); }
    const under = element("small");
    if (shop) under.append(element("bdi", shop), " · ");
    under.append(element("bdi", code || id), " · ");
    both(under, flags & 1 ? "个人" : "企业", flags & 1 ? "Individual" : "Enterprise");
    if (category) under.append(" · ", element("bdi", category));
    if (flags & 2) { under.append(" · "); const mark = element("b"); both(mark, "平台自营", "Self-operated"); under.append(mark); }
    words.append(under);
    link.append(words);
    const item = element("li");
    item.append(link);
    return item;
  };

  const tell = (zh, en) => { status.replaceChildren(); if (zh) both(status, zh, en); };

  const open = async () => {
    if (directory) return;
    const index = await fetched("search/index.json"), pairs = Array.from(index.folds);
    for (let i = 0; i < pairs.length; i += 2) folds.set(pairs[i], pairs[i + 1]);
    ({ files: directory, marks } = index);
  };

  const run = async () => {
    const mine = ++latest, asked = box.value.trim();
    // The address says what is asked, so that Back finds it again.
    history.replaceState(null, "", asked ? `?q=${encodeURIComponent(asked)}` : location.pathname);
    if (!asked) { list.replaceChildren(); tell(); return; }
    try {
      await open();
      const query = normal(asked);
      const { lines, more } = await lookUp(query);
      if (mine !== latest) return;
      list.replaceChildren(...lines.map(show));
      if (!lines.length) tell("没有找到。请核对名称，或输入统一社会信用代码、主体编号的开头。", "Nothing found. Check the name, or enter the beginning of a code or id.");
      else if (more) tell(`显示前 ${lines.length} 个，请输入更多文字缩小范围。`, `The first ${lines.length} are shown; type more to narrow down.`);
      else tell(`找到 ${lines.length} 个商家。`, `${lines.length} found.`);
    } catch {
      if (mine === latest) { list.replaceChildren(); tell("查询数据读取失败，请稍后再试。", "The search index could not be read; try again later."); }
    }
  };

  let waiting = 0;
  box.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(run, 150); });
  box.form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); run(); });
  // Arrow keys walk from the box through the results.
  box.form.parentElement.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const stops = [box, ...list.querySelectorAll("a")];
    const next = stops[stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next && stops.includes(document.activeElement)) { event.preventDefault(); next.focus(); }
  });
  const asked = new URLSearchParams(location.search).get("q");
  if (asked) box.value = asked;
  if (box.value) run();
})();
