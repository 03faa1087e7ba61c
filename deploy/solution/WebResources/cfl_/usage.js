// @ts-check
/*
 * The usage history of a billing account (E94). It is empty until somebody filters it (E95); Enter in any of the filters
 * loads it (E96), and Credit takes every record that the filter leaves (E98).
 */
(function (root) {
  "use strict";

  const { Controls, Dialog, Handover, Locale, Money, Page, UsageQuery, UsageTable, WebApi } = root.Counterfoil;

  const CREDIT = "prvCreatecfl_maycreditusage"; // E90
  const CURRENCY = "transactioncurrencyid($select=isocurrencycode,currencysymbol,currencyprecision)";
  const MORE = "@Microsoft.Dynamics.CRM.morerecords";
  const AMOUNTS = ["cfl_net", "cfl_tax", "cfl_gross"];
  const ROWS = 50; // at a time
  const MOST = 5000; // of one answer: no more are added up

  const FIELDS = [
    { name: "DateFrom", type: "date", label: "dateFrom" },
    { name: "DateTo", type: "date", label: "dateTo" },
    { name: "Originator", type: "text", label: "originator" },
    { name: "Terminator", type: "text", label: "terminator" },
    { name: "UsageClass", type: "pick", label: "usageClass", none: "any", options: UsageTable.classes },
    { name: "Service", type: "text", label: "service" },
    { name: "Status", type: "pick", label: "status", none: "any", options: UsageTable.states },
  ];

  const account = Dialog.id(Dialog.opened().id);
  const table = /** @type {HTMLTableElement} */ (Page.element("records"));
  const over = /** @type {HTMLDialogElement} */ (Page.element("over"));

  let locale = Locale.of(Dialog.user(), navigator.language);
  /** The billing account's row. @type {any} */
  let ledger = null;
  /** @type {any} */
  let currency = null;
  let mayCredit = false;
  /** The query whose records are listed, "" while none are. */
  let listed = "";
  let page = 0;
  /** Only the last press of Enter counts. */
  let round = 0;

  Page.form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    load();
  });
  Page.form.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLSelectElement)) return;
    event.preventDefault();
    load();
  });
  Page.element("clear").addEventListener("click", () => {
    FIELDS.forEach((field) => Controls.write(field, ""));
    empty();
    Controls.focus(FIELDS[0]);
  });
  Page.element("more").addEventListener("click", () => showMore());
  Page.element("credit").addEventListener("click", () => credit());
  Page.element("again").addEventListener("click", () => open());
  Page.element("close").addEventListener("click", () => Dialog.close());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !over.open) Dialog.close();
  });
  open();

  // --- The account ------------------------------------------------------------------------------------------

  async function open() {
    speak();
    Page.enter("loading", true);
    Page.waiting(["loadingAction"]);
    Page.title.focus();
    Page.buttons({ close: ["close"] }, "");
    const reader = await Dialog.reader();
    locale = reader.locale;
    speak();
    const [answer, may] = await Promise.all([
      WebApi.read("cfl_billingaccounts(" + account + ")?$select=cfl_name&$expand=" + CURRENCY),
      Dialog.holds(reader.id, CREDIT),
    ]);
    if (answer.status !== 200) {
      unreadable(answer);
      Page.buttons({ close: ["close"], again: answer.status === 403 ? undefined : ["tryAgain"] }, "again");
      return;
    }
    ledger = answer.body;
    const row = ledger.transactioncurrencyid;
    currency = { code: row.isocurrencycode, precision: row.currencyprecision, symbol: row.currencysymbol || "" };
    mayCredit = may;
    speak();
    Controls.build(FIELDS, {}, changed);
    Page.element("required-note").hidden = true;
    Page.form.hidden = false;
    Page.write(Page.element("filter"), ["usageFilter"]);
    Page.write(Page.element("clear"), ["usageClear"]);
    Page.form.append(Page.element("filtering"));
    Page.element("filtering").hidden = false;
    empty();
    Controls.focus(FIELDS[0]);
  }

  function speak() {
    Page.speak(locale);
    Page.headline(ledger ? ["usageTitle", ledger.cfl_name] : ["usageHistory"]);
  }

  /** @param {{ status: number, message: string }} answer */
  function unreadable(answer) {
    const forbidden = answer.status === 403;
    const lines = forbidden ? [["forbiddenReadActionText"]] : answer.message ? [["", answer.message]] : [];
    Page.message("error", [forbidden ? "forbiddenActionTitle" : "unreadableActionTitle"], lines);
    Page.enter(forbidden ? "forbidden" : "unreadable");
  }

  // --- The filter -------------------------------------------------------------------------------------------

  /** @returns {any} */
  function filter() {
    return Object.fromEntries(FIELDS.map((field) => [field.name, Controls.read(field).trim()]));
  }

  /** Credit takes what is listed, so it waits until that is what the filter says. */
  function changed() {
    complain();
    if (listed === "") return;
    const current = UsageQuery.of(account, filter()) === listed;
    if (current === (document.body.dataset.state === "listed")) return;
    if (current) Page.clearMessage();
    else Page.message("info", ["usageChanged"], []);
    Page.element("credit").hidden = !current || !creditable();
    Page.enter(current ? "listed" : "changed");
  }

  /** The first field that cannot be read, after saying so. */
  function complain() {
    const now = filter();
    const wrong = FIELDS.filter((field) => {
      const unread = field.type === "date" && !Controls.readable(field);
      const order = field.name === "DateTo" && now.DateFrom !== "" && now.DateTo !== "" && now.DateTo < now.DateFrom;
      Controls.complain(field, unread ? ["errorDate"] : order ? ["errorDateOrder"] : []);
      return unread || order;
    });
    return wrong[0];
  }

  /** What the page shows as long as nobody filters it (E95). */
  function empty() {
    round += 1;
    listed = "";
    complain();
    clearList();
    Page.message("info", ["usageUnfiltered"], [["usageUnfilteredText"]]);
    Page.enter("unfiltered");
  }

  function clearList() {
    Page.facts([]);
    Page.element("list").hidden = true;
    Page.buttons({ close: ["close"] }, "");
  }

  // --- The list ---------------------------------------------------------------------------------------------

  async function load() {
    const wrong = complain();
    if (wrong) {
      Controls.focus(wrong);
      return;
    }
    const asked = filter();
    if (!UsageQuery.narrows(asked)) {
      empty();
      return;
    }
    round += 1;
    const mine = round;
    const query = UsageQuery.of(account, asked);
    Page.waiting(["loadingAction"]);
    Page.enter("reading", true);
    const [rows, amounts] = await Promise.all([
      WebApi.read(UsageQuery.address(query, UsageTable.columns, ROWS, 1)),
      // Added up here: the platform's own sums of money are in the organization's currency, not in the account's.
      WebApi.read(UsageQuery.address(query, AMOUNTS, MOST, 1)),
    ]);
    if (mine !== round) return;
    const failed = [rows, amounts].find((answer) => answer.status !== 200);
    if (failed) {
      listed = "";
      clearList();
      unreadable(failed);
      return;
    }
    listed = query;
    page = 1;
    UsageTable.fill(table, rows.body.value, { currency: currency, style: locale.style }, true);
    Page.clearMessage();
    showSums(amounts.body);
    const some = rows.body.value.length > 0;
    Page.element("list").hidden = !some;
    if (!some) Page.message("info", ["usageNone"], []);
    showButtons(rows.body);
    comeIntoSight();
    Page.enter("listed");
    changed();
  }

  async function showMore() {
    const mine = round;
    const answer = await WebApi.read(UsageQuery.address(listed, UsageTable.columns, ROWS, page + 1));
    if (mine !== round) return;
    if (answer.status !== 200) {
      unreadable(answer);
      return;
    }
    page += 1;
    UsageTable.fill(table, answer.body.value, { currency: currency, style: locale.style }, false);
    Page.element("more").hidden = !answer.body[MORE];
    if (Page.element("more").hidden) Page.element("list").focus();
  }

  /** How many records there are on all pages, and what they come to. @param {any} answer */
  function showSums(answer) {
    if (answer[MORE]) {
      Page.facts([{ label: ["usageRecords"], value: Page.text(["moreThan", String(MOST)]) }]);
      return;
    }
    const rows = /** @type {any[]} */ (answer.value);
    /** @param {string} column */
    const sum = (column) => {
      const minor = rows.reduce((total, row) => total + Money.fromWire(row[column], currency), 0);
      return Money.format(minor, currency, locale.style);
    };
    Page.facts([
      { label: ["usageRecords"], value: String(rows.length), strong: true },
      { label: ["net"], value: sum("cfl_net") },
      { label: ["tax"], value: sum("cfl_tax") },
      { label: ["gross"], value: sum("cfl_gross"), strong: true },
    ]);
  }

  /** In a small window the filters fill the page. */
  function comeIntoSight() {
    const facts = Page.element("facts");
    const hidden = facts.getBoundingClientRect().bottom > Page.element("close").getBoundingClientRect().top;
    if (hidden) facts.scrollIntoView({ block: "start" });
  }

  /** @param {any} answer the last page that was read */
  function showButtons(answer) {
    const credited = creditable() ? ["usageCredit"] : undefined;
    Page.buttons({ close: ["close"], more: answer[MORE] ? ["usageMore"] : undefined, credit: credited }, "credit");
  }

  function creditable() {
    return mayCredit && table.tBodies[0].rows.length > 0;
  }

  // --- Credit -----------------------------------------------------------------------------------------------

  /** The dialog of the action over this page: it reads the list anew, and says what it comes to. */
  function credit() {
    const handed = Handover.put({ action: "creditUsage", fetchXml: listed });
    const frame = document.createElement("iframe");
    frame.title = Page.text(["creditUsageTitle"]);
    frame.src = "action.html?data=" + encodeURIComponent(handed);
    frame.addEventListener("load", () => {
      if (frame.contentWindow) frame.contentWindow.focus();
    });
    const cross = document.createElement("button");
    cross.type = "button";
    cross.dataset.id = "dialogCloseIconButton"; // as the platform's own, which a dialog presses to close
    cross.setAttribute("aria-label", Page.text(["close"]));
    cross.textContent = "\u2715";
    cross.addEventListener("click", () => over.close());
    over.setAttribute("aria-label", frame.title);
    over.replaceChildren(cross, frame);
    over.addEventListener(
      "close",
      () => {
        Handover.forget(handed);
        over.replaceChildren();
        load();
      },
      { once: true },
    );
    over.showModal();
  }
})(/** @type {any} */ (window));
