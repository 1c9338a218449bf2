// @ts-check
/** Guess the machine: of three photos, which two does it find alike? */
import { build } from "./build.js";
import { button } from "./controls.js";
import { asScore } from "./wording.js";

/** @param {{data: any, element: HTMLElement, store: any, goTo: (id: string) => void}} view */
export function renderGuess({ data, element, store, goTo }) {
  let turn = 0;
  let right = 0;
  let played = 0;
  /** @type {number[]} */
  let picked = [];
  const photos = build("div", { class: "guess-photos", role: "group", "aria-label": "three photos" });
  const words = build("p", { class: "finding", "aria-live": "polite" });
  const next = button("Next three", () => { turn = (turn + 1) % data.game.length; picked = []; show(); }, { hidden: true });
  const why = button("Why?", () => reveal(), { hidden: true });
  element.append(words, photos, build("div", { class: "toolbar" }, next, why));

  /** A fixed order that does not give the answer away. @param {number[]} triple */
  function mixed(triple) { return [...triple].sort((a, b) => ((a * 7 + turn * 5) % 11) - ((b * 7 + turn * 5) % 11)); }

  function show() {
    const triple = data.game[turn];
    const done = picked.length === 2;
    photos.replaceChildren(...mixed(triple).map((index) => {
      const photo = data.photos[index];
      const isAnswer = done && (index === triple[0] || index === triple[1]);
      return build("button", { type: "button", class: `guess-photo${isAnswer ? " answer" : ""}`, "aria-pressed": String(picked.includes(index)), "aria-label": photo.name, disabled: done, on: { click: () => pick(index) } }, build("img", { src: photo.photo, alt: photo.alt }));
    }));
    next.hidden = !done;
    why.hidden = !done;
    if (!done) words.textContent = "Which two does the machine find most alike? Pick two.";
  }

  /** @param {number} index */
  function pick(index) {
    picked = picked.includes(index) ? picked.filter((other) => other !== index) : [...picked, index];
    if (picked.length === 2) {
      const [first, second, third] = data.game[turn];
      const won = picked.includes(first) && picked.includes(second);
      played += 1;
      right += won ? 1 : 0;
      const table = data.table;
      words.replaceChildren(build("b", {}, won ? "Yes. " : "It sees it another way. "),
        `To it ${data.photos[first].name} and ${data.photos[second].name} are ${asScore(table[first][second])} alike; the others ${asScore(table[first][third])} and ${asScore(table[second][third])}. `,
        `That is its view, not the truth. You have read its mind ${right} of ${played} times.`);
    }
    show();
  }

  function reveal() {
    store.set({ photo: data.game[turn][0], other: data.game[turn][1] });
    goTo("alike");
  }

  show();
}
