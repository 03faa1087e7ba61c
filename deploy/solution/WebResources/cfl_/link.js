// @ts-check
/* A link for a customer, made by an action: shown, copied, opened, and watched until the customer has used it. */
(function (root) {
  "use strict";

  const { Page, WebApi } = root.Counterfoil;

  /**
   * What an action made: `url` for the customer, usable until `expires`, and the id of the row that waits for them.
   * @typedef {{ url: string, expires?: string, profile?: string, transaction?: string }} Made
   *
   * How the row is watched: where it is read, and what its state means; nothing while the customer has not used the link.
   * @typedef {{ waiting: string, path: (made: Made) => string, said: (row: any) => { tone: string, line: string[] } | null }} Watch
   */

  const CHOICE = 728310000;
  const EVERY = 3000;
  const SLOWER_AFTER = 100; // five minutes
  const SLOWLY = 15000;

  /** By what the link is for. @type {Record<string, Watch>} */
  const WATCHES = {
    profile: {
      waiting: "linkProfileWaiting",
      path: (made) => "cfl_paymentprofiles(" + made.profile + ")?$select=cfl_name,statecode,statuscode",
      said: function (row) {
        if (row.statecode === 0 && row.statuscode === CHOICE) return { tone: "success", line: ["linkProfileReady", row.cfl_name] };
        return row.statecode === 0 ? null : { tone: "warning", line: ["linkOver"] };
      },
    },
    payment: {
      waiting: "linkPaymentWaiting",
      path: (made) => "cfl_paymenttransactions(" + made.transaction + ")?$select=statecode,statuscode,cfl_stage",
      said: function (row) {
        if (row.statecode === 0 && row.statuscode === CHOICE) return { tone: "success", line: ["linkPaymentPaid"] };
        if (row.statecode === 0 && row.cfl_stage === CHOICE + 1) return { tone: "info", line: ["linkPaymentUnderWay"] };
        return row.statecode === 0 ? null : { tone: "warning", line: ["linkOver"] };
      },
    },
  };

  /** Which watch goes on; another one, or none, ends it. */
  let current = 0;

  const Link = {
    /**
     * @param {Made} made
     * @param {string} kind
     * @param {string} language of the day that it can be used until
     * @param {() => void} used called once the customer has used it
     */
    show: function (made, kind, language, used) {
      Link.hide();
      if (!/^https?:\/\//.test(made.url || "")) return;
      const box = Page.element("link");
      box.replaceChildren(...parts(made, language));
      box.hidden = false;
      current += 1;
      watch(current, made, WATCHES[kind], used);
    },

    hide: function () {
      current += 1;
      const box = Page.element("link");
      box.hidden = true;
      box.replaceChildren();
    },
  };

  /** @param {Made} made @param {string} language */
  function parts(made, language) {
    const label = document.createElement("label");
    label.htmlFor = "link-address";
    Page.write(label, ["linkLabel"]);
    const address = document.createElement("input");
    address.id = "link-address";
    address.type = "url";
    address.dir = "ltr";
    address.readOnly = true;
    address.value = made.url;
    address.setAttribute("aria-describedby", "link-until");
    address.addEventListener("focus", () => address.select());
    const until = document.createElement("p");
    until.id = "link-until";
    until.className = "note";
    if (made.expires) Page.write(until, ["linkUntil", moment(made.expires, language)]);
    const buttons = document.createElement("div");
    buttons.className = "link-buttons";
    buttons.append(copyButton(address), opener(made.url));
    const state = document.createElement("p");
    state.id = "link-state";
    state.className = "note";
    state.setAttribute("role", "status");
    return [label, address, until, buttons, state];
  }

  /** @param {HTMLInputElement} address */
  function copyButton(address) {
    const button = document.createElement("button");
    button.id = "copy";
    button.type = "button";
    Page.write(button, ["linkCopy"]);
    button.addEventListener("click", async () => {
      Page.write(button, [(await copied(address)) ? "linkCopied" : "linkCopyByHand"]);
      setTimeout(() => Page.write(button, ["linkCopy"]), EVERY);
    });
    return button;
  }

  /** The clipboard may be denied to a page in a frame: then the browser's older way, and then the user's own hand. @param {HTMLInputElement} address */
  async function copied(address) {
    try {
      await navigator.clipboard.writeText(address.value);
      return true;
    } catch (denied) {
      address.focus();
      address.select();
      return document.execCommand("copy");
    }
  }

  /** @param {string} url */
  function opener(url) {
    const anchor = document.createElement("a");
    anchor.id = "open-link";
    anchor.className = "button";
    anchor.href = url;
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer";
    Page.write(anchor, ["linkOpen"]);
    return anchor;
  }

  /** @param {number} mine @param {Made} made @param {Watch} how @param {() => void} used */
  async function watch(mine, made, how, used) {
    tell({ tone: "", line: [how.waiting] });
    for (let round = 0; mine === current; round += 1) {
      await pause(round < SLOWER_AFTER ? EVERY : SLOWLY);
      if (mine !== current) return;
      const answer = document.hidden ? { status: 0 } : await WebApi.read(how.path(made));
      const said = answer.status === 200 && mine === current ? how.said(/** @type {any} */ (answer).body) : null;
      if (said) {
        tell(said);
        if (said.tone === "success") used();
        return;
      }
    }
  }

  /** @param {{ tone: string, line: string[] }} said */
  function tell(said) {
    const state = Page.element("link-state");
    state.dataset.tone = said.tone;
    Page.note(state, said.line);
    const over = said.tone !== "";
    Page.element("open-link").hidden = over;
    Page.element("copy").hidden = over;
  }

  /** @param {string} text @param {string} language */
  function moment(text, language) {
    return new Date(text).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
  }

  /** @param {number} milliseconds @returns {Promise<void>} */
  function pause(milliseconds) {
    return new Promise((resolve) => {
      setTimeout(() => resolve(), milliseconds);
    });
  }

  root.Counterfoil.Link = Link;
})(/** @type {any} */ (window));
