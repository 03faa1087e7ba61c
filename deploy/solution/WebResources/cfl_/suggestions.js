// @ts-check
/* A box that suggests rows as one types (E101): the combobox pattern, for the keyboard and for screen readers. */
(function (root) {
  "use strict";

  const { Page } = root.Counterfoil;

  const PAUSE = 200;

  const Suggestions = {
    /**
     * @param {HTMLInputElement} input
     * @param {(text: string) => Promise<{ id: string, label: string }[]>} find
     * @param {(offer: any) => void} choose gets null once the text is no longer that of what was chosen
     * @returns {HTMLElement} the list, to be put after the input
     */
    attach: function (input, find, choose) {
      const list = document.createElement("ul");
      list.id = input.id + "-list";
      list.className = "suggestions";
      list.hidden = true;
      list.setAttribute("role", "listbox");
      input.setAttribute("role", "combobox");
      input.setAttribute("aria-autocomplete", "list");
      input.setAttribute("aria-expanded", "false");
      input.setAttribute("aria-controls", list.id);

      /** @type {any[]} */
      let offers = [];
      let active = -1;
      let asked = 0;
      let timer = 0;

      input.addEventListener("input", () => {
        choose(null);
        clearTimeout(timer);
        timer = window.setTimeout(look, PAUSE);
      });
      input.addEventListener("click", () => {
        if (list.hidden && !input.readOnly) look();
      });
      input.addEventListener("blur", () => close());
      input.addEventListener("keydown", (event) => {
        if (input.readOnly) return;
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
          event.preventDefault();
          if (list.hidden) look();
          else move(active + (event.key === "ArrowDown" ? 1 : -1));
        } else if (event.key === "Enter" && !list.hidden && active >= 0) {
          event.preventDefault();
          take(active);
        } else if (event.key === "Escape" && !list.hidden) {
          event.preventDefault();
          close();
        }
      });
      // The press must not take the focus from the input, or the list would close before the click.
      list.addEventListener("mousedown", (event) => event.preventDefault());
      list.addEventListener("click", (event) => {
        const option = /** @type {HTMLElement} */ (event.target).closest("[role=option]");
        if (option) take(Array.from(list.children).indexOf(option));
      });

      async function look() {
        const round = ++asked;
        const found = await find(input.value);
        if (round !== asked || document.activeElement !== input) return;
        offers = found;
        show();
      }

      function show() {
        active = -1;
        input.removeAttribute("aria-activedescendant");
        const shown = offers.map((offer, index) => {
          const option = document.createElement("li");
          option.id = list.id + "-" + index;
          option.setAttribute("role", "option");
          option.setAttribute("aria-selected", "false");
          option.textContent = offer.label;
          return option;
        });
        list.setAttribute("aria-label", Page.text(["suggestions"]));
        list.replaceChildren(...shown);
        list.hidden = offers.length === 0;
        input.setAttribute("aria-expanded", String(!list.hidden));
        Page.note(Page.element(input.id + "-count"), offers.length ? ["suggestionCount", String(offers.length)] : ["noSuggestion"]);
      }

      /** @param {number} to */
      function move(to) {
        active = (to + offers.length) % offers.length;
        Array.from(list.children).forEach((option, index) => {
          option.setAttribute("aria-selected", String(index === active));
        });
        const option = list.children[active];
        input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
      }

      /** @param {number} index */
      function take(index) {
        input.value = offers[index].label;
        choose(offers[index]);
        close();
      }

      function close() {
        asked += 1;
        clearTimeout(timer);
        list.hidden = true;
        input.setAttribute("aria-expanded", "false");
        input.removeAttribute("aria-activedescendant");
        Page.note(Page.element(input.id + "-count"), []);
      }

      return list;
    },
  };

  root.Counterfoil.Suggestions = Suggestions;
})(/** @type {any} */ (window));
