// @ts-check
/* The dialog's page: writes texts, facts and messages where they belong. Decides nothing. */
(function (root) {
  "use strict";

  /** @typedef {string[]} Line */

  /** @template {HTMLElement} T @param {string} id @returns {T} */
  const element = (id) => /** @type {T} */ (document.getElementById(id));

  /** @type {Record<string, string>} */
  let texts = root.Counterfoil.Strings.texts.en;

  const Page = {
    amount: /** @type {HTMLInputElement} */ (element("amount")),
    profile: /** @type {HTMLSelectElement} */ (element("profile")),
    form: /** @type {HTMLFormElement} */ (element("form")),
    close: /** @type {HTMLButtonElement} */ (element("close")),
    again: /** @type {HTMLButtonElement} */ (element("again")),
    charge: /** @type {HTMLButtonElement} */ (element("charge")),
    title: element("title"),

    /** @param {{ language: "en" | "de", direction: string }} locale */
    speak: function (locale) {
      texts = root.Counterfoil.Strings.texts[locale.language];
      document.documentElement.lang = locale.language;
      document.documentElement.dir = locale.direction;
      Page.write(element("profile-label"), ["profile"]);
      Page.write(element("amount-label"), ["amount"]);
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

    /** @param {string} number */
    headline: function (number) {
      Page.write(Page.title, ["title", number]);
      document.title = Page.text(["title", number]);
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
      box.append(heading, ...paragraphs);
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

    /** @param {{ value: string, label: string, disabled: boolean }[]} options @param {string} selected */
    profiles: function (options, selected) {
      Page.profile.replaceChildren(
        ...options.map((one) => {
          const option = document.createElement("option");
          option.value = one.value;
          option.textContent = one.label;
          option.disabled = one.disabled;
          option.selected = one.value === selected;
          return option;
        }),
      );
    },

    /** @param {"profile-note" | "amount-hint" | "amount-error"} where @param {Line} line */
    note: function (where, line) {
      const target = element(where);
      if (target.textContent !== Page.text(line)) Page.write(target, line);
      if (where === "amount-error") Page.amount.setAttribute("aria-invalid", String(line.length > 0));
    },

    /** @param {string} currency */
    currency: function (currency) {
      element("currency").textContent = currency;
    },

    /**
     * Nothing may be touched while a charge is under way, and nothing loses the focus it has.
     * @param {boolean} frozen
     */
    freeze: function (frozen) {
      Page.amount.readOnly = frozen;
      Page.profile.disabled = frozen;
      [Page.close, Page.again, Page.charge].forEach((button) => button.setAttribute("aria-disabled", String(frozen)));
    },

    /** @param {{ close: Line, again?: Line, charge?: Line, primary: "close" | "again" | "charge" }} buttons */
    buttons: function (buttons) {
      /** @type {("close" | "again" | "charge")[]} */ (["close", "again", "charge"]).forEach((name) => {
        const line = buttons[name];
        Page[name].hidden = !line;
        if (line) Page.write(Page[name], line);
        Page[name].classList.toggle("primary", buttons.primary === name);
      });
    },
  };

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
