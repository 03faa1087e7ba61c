// @ts-check
/* A dialog's page: writes texts, facts and messages where they belong. Decides nothing. */
(function (root) {
  "use strict";

  /** @typedef {string[]} Line */

  /** @template {HTMLElement} T @param {string} id @returns {T} */
  const element = (id) => /** @type {T} */ (document.getElementById(id));

  /** @type {Record<string, string>} */
  let texts = root.Counterfoil.Strings.texts.en;

  const Page = {
    element: element,
    form: /** @type {HTMLFormElement} */ (element("form")),
    title: element("title"),

    /** @param {{ language: "en" | "de", direction: string }} locale */
    speak: function (locale) {
      texts = root.Counterfoil.Strings.texts[locale.language];
      document.documentElement.lang = locale.language;
      document.documentElement.dir = locale.direction;
    },

    /** @param {string} state @param {boolean} [busy] */
    enter: function (state, busy) {
      document.body.dataset.state = state;
      document.body.setAttribute("aria-busy", String(Boolean(busy)));
    },

    /** A line as text, for places that hold no elements. @param {Line} line */
    text: function (line) {
      return pieces(line)
        .map((piece) => piece.text)
        .join("");
    },

    /**
     * A line into an element; what fills it is isolated, so that an amount keeps its order in a right-to-left page.
     * @param {HTMLElement} target
     * @param {Line} line
     */
    write: function (target, line) {
      target.replaceChildren(
        ...pieces(line).map((piece) => {
          if (!piece.filled) return document.createTextNode(piece.text);
          const isolated = document.createElement("bdi");
          isolated.textContent = piece.text;
          return isolated;
        }),
      );
    },

    /** @param {Line} line */
    headline: function (line) {
      Page.write(Page.title, line);
      document.title = Page.text(line);
    },

    /** Something is being waited for. @param {Line} line */
    waiting: function (line) {
      const paragraph = document.createElement("p");
      paragraph.className = "waiting";
      const spinner = document.createElement("span");
      spinner.className = "spinner";
      spinner.setAttribute("aria-hidden", "true");
      const words = document.createElement("span");
      Page.write(words, line);
      paragraph.append(spinner, words);
      element("assertive").replaceChildren();
      element("polite").replaceChildren(paragraph);
    },

    /**
     * Good news waits for a pause of the screen reader, bad news does not.
     * @param {string} tone
     * @param {Line} title
     * @param {Line[]} lines
     */
    message: function (tone, title, lines) {
      const box = document.createElement("div");
      box.className = "message";
      box.dataset.tone = tone;
      const heading = document.createElement("strong");
      Page.write(heading, title);
      const paragraphs = lines.map((line) => {
        const paragraph = document.createElement("p");
        Page.write(paragraph, line);
        return paragraph;
      });
      box.append(...(title.length ? [heading] : []), ...paragraphs);
      const urgent = tone === "error" || tone === "warning";
      element(urgent ? "polite" : "assertive").replaceChildren();
      element(urgent ? "assertive" : "polite").replaceChildren(box);
      Page.title.scrollIntoView({ block: "nearest" });
    },

    clearMessage: function () {
      element("polite").replaceChildren();
      element("assertive").replaceChildren();
    },

    /** @param {{ label: Line, value: string, strong?: boolean }[]} rows none hides them */
    facts: function (rows) {
      const list = element("facts");
      list.hidden = rows.length === 0;
      list.replaceChildren(
        ...rows.map((row) => {
          const pair = document.createElement("div");
          if (row.strong) pair.className = "strong";
          const term = document.createElement("dt");
          Page.write(term, row.label);
          const value = document.createElement("dd");
          const isolated = document.createElement("bdi");
          isolated.textContent = row.value;
          value.append(isolated);
          pair.append(term, value);
          return pair;
        }),
      );
    },

    /**
     * @param {HTMLSelectElement} select
     * @param {{ value: string, label: string, disabled?: boolean }[]} options
     * @param {string} selected
     */
    options: function (select, options, selected) {
      select.replaceChildren(
        ...options.map((one) => {
          const option = document.createElement("option");
          option.value = one.value;
          option.textContent = one.label;
          option.disabled = Boolean(one.disabled);
          option.selected = one.value === selected;
          return option;
        }),
      );
    },

    /** A live note keeps quiet while it says the same. @param {HTMLElement} target @param {Line} line */
    note: function (target, line) {
      if (target.textContent !== Page.text(line)) Page.write(target, line);
    },

    /** What is wrong with what is in a control; nothing when the line is empty. @param {HTMLElement} control @param {Line} line */
    complain: function (control, line) {
      Page.note(element(control.id + "-error"), line);
      control.setAttribute("aria-invalid", String(line.length > 0));
    },

    /**
     * Nothing may be touched while a call is under way, and nothing that can be read loses the focus it has.
     * @param {boolean} frozen
     */
    freeze: function (frozen) {
      const controls = /** @type {(HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement)[]} */ (
        Array.from(Page.form.querySelectorAll("input, select, textarea"))
      );
      controls.forEach((control) => {
        if (control instanceof HTMLSelectElement || /^(checkbox|radio)$/.test(control.type)) control.disabled = frozen;
        else control.readOnly = frozen || control.dataset.locked === "true";
      });
      buttons().forEach((button) => button.setAttribute("aria-disabled", String(frozen)));
    },

    /**
     * Shows these buttons and no others.
     * @param {Record<string, Line | undefined>} lines what stands on each, by its id
     * @param {string} primary
     */
    buttons: function (lines, primary) {
      buttons().forEach((button) => {
        const line = lines[button.id];
        button.hidden = !line;
        if (line) Page.write(button, line);
        button.classList.toggle("primary", button.id === primary);
      });
    },
  };

  /** @returns {HTMLButtonElement[]} */
  function buttons() {
    return Array.from(document.querySelectorAll(".actions button"));
  }

  /**
   * @param {Line} line
   * @returns {{ text: string, filled: boolean }[]}
   */
  function pieces(line) {
    if (line.length === 0) return [];
    if (line[0] === "") return [{ text: line[1], filled: false }];
    return texts[line[0]]
      .split(/(\{\d\})/)
      .filter((part) => part !== "")
      .map((part) => {
        const match = /^\{(\d)\}$/.exec(part);
        return match ? { text: line[Number(match[1]) + 1], filled: true } : { text: part, filled: false };
      });
  }

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.Page = Page;
})(/** @type {any} */ (window));
