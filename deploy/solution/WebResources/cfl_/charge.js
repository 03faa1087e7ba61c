// @ts-check
/* The Charge dialog: one intent, one key; what became of it is read from the CRM, whatever the call itself answered. */
(function (root) {
  "use strict";

  const { Attempt, Dialog, Entry, Figures, Locale, Money, Obstacle, Outcome, Page } = root.Counterfoil;

  // Where the figures are sure.
  const WITH_FACTS = ["pending", "paid", "notchargeable", "noprofile", "unusable", "inprogress", "changed"];

  const amountInput = /** @type {HTMLInputElement} */ (Page.element("amount"));
  const profileSelect = /** @type {HTMLSelectElement} */ (Page.element("profile"));
  const chargeButton = /** @type {HTMLButtonElement} */ (Page.element("charge"));

  const opened = openedWith(Dialog.opened());

  let locale = Locale.of(Dialog.user(), navigator.language);
  /** @type {any} */
  let figures = null;
  /** @type {any} */
  let order = null;
  let busy = false;
  let again = /** @type {() => void} */ (() => undefined);

  Page.form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    submit();
  });
  amountInput.addEventListener("input", () => validate(true));
  profileSelect.addEventListener("change", () => validate(true));
  Page.element("close").addEventListener("click", () => close());
  Page.element("again").addEventListener("click", () => {
    if (!busy) again();
  });
  Page.element("other").addEventListener("click", () => {
    if (!busy) requestProfile();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) close();
  });
  window.addEventListener("online", () => {
    if (document.body.dataset.state !== "offline") return;
    Page.message("info", ["onlineAgain"], []);
    validate(true);
  });
  load();

  // --- What is owed -----------------------------------------------------------------------------------------

  async function load() {
    speak();
    Page.form.hidden = true;
    Page.facts([]);
    Page.enter("loading", true);
    Page.waiting(["loading"]);
    Page.title.focus();
    Page.buttons({ close: ["cancel"] }, "close");
    const [reader, read] = await Promise.all([Dialog.reader(), readFigures()]);
    locale = reader.locale;
    speak();
    if (read.refusal) unreadable(read.refusal);
    else present(read.figures);
  }

  function speak() {
    Page.speak(locale);
    Page.write(Page.element("profile-label"), ["profile"]);
    Page.write(Page.element("amount-label"), ["amount"]);
    Page.headline(["title", figures ? figures.number : opened.number]);
  }

  /** @returns {Promise<any>} */
  function readFigures() {
    if (opened.invoiceId === "") return Promise.resolve({ refusal: { status: 0, message: "" } });
    return Figures.read(opened.invoiceId, new Date());
  }

  /** Shows the form, or why there is nothing to charge. @param {any} read */
  function present(read) {
    figures = read;
    Page.headline(["title", figures.number]);
    const instead = Obstacle.of(figures, money, Page.text);
    if (instead) {
      show(instead);
      return;
    }
    Page.clearMessage();
    Page.element("currency").textContent = figures.currency.code;
    showFacts();
    const offered = Entry.profiles(figures, Page.text);
    Page.options(profileSelect, offered.options, offered.selected);
    amountInput.value = Money.editable(figures.room, figures.currency, locale.style);
    Page.form.hidden = false;
    Page.freeze(false);
    Page.buttons({ close: ["cancel"], other: addMethod(), charge: ["charge", money(figures.room)] }, "charge");
    validate(false);
    if (chosen()) {
      amountInput.focus();
      amountInput.select();
    } else {
      profileSelect.focus();
    }
  }

  function showFacts() {
    /** @type {{ label: string[], value: string, strong?: boolean }[]} */
    const rows = [
      { label: ["customer"], value: figures.customer },
      { label: ["total"], value: money(figures.total) },
      { label: ["chargedSoFar"], value: money(figures.charged) },
    ];
    if (figures.otherPayments) rows.push({ label: ["otherPayments"], value: money(figures.otherPayments) });
    if (figures.credits) rows.push({ label: ["credits"], value: money(figures.credits) });
    rows.push({ label: ["balanceDue"], value: money(figures.balance), strong: true });
    if (figures.inProgress) {
      rows.push({ label: ["inProgress"], value: money(figures.inProgress) });
      rows.push({ label: ["canBeCharged"], value: money(figures.room) });
    }
    Page.facts(rows);
  }

  // --- What the user enters ---------------------------------------------------------------------------------

  function chosen() {
    return (
      figures.profiles.find((/** @type {any} */ one) => one.id === profileSelect.value && one.unusable === "") || null
    );
  }

  /**
   * Says what is wrong, or what is left; the amount in minor units, null while something is wrong.
   * @param {boolean} edited whether the user did something since the last answer
   */
  function validate(edited) {
    if (!figures || Page.form.hidden || busy) return null;
    const entered = Entry.check(amountInput.value, figures, locale.style, money);
    const amount = entered.amount;
    const profile = chosen();
    Page.complain(amountInput, entered.error);
    Page.note(Page.element("amount-hint"), entered.hint);
    Page.note(Page.element("profile-note"), Entry.profileNote(profile, figures, Page.text));
    Page.write(chargeButton, ["charge", money(amount === null ? figures.room : amount)]);
    chargeButton.setAttribute("aria-disabled", String(amount === null || !profile));
    if (edited || document.body.dataset.state === "loading") {
      Page.enter(amount === null ? "invalid" : profile ? "ready" : "unusable");
    }
    return profile ? amount : null;
  }

  /** @param {number} minor */
  function money(minor) {
    return Money.format(minor, figures.currency, locale.style);
  }

  // --- The charge -------------------------------------------------------------------------------------------

  async function submit() {
    if (busy) return;
    const amount = validate(true);
    const profile = chosen();
    if (amount === null || !profile) {
      (profile ? amountInput : profileSelect).focus();
      return;
    }
    if (!navigator.onLine) {
      show(Outcome.offline());
      return;
    }
    busy = true;
    order = orderFor(amount, profile);
    Page.enter("submitting", true);
    Page.freeze(true);
    Page.waiting(["submitting", money(amount)]);
    await conclude(await Attempt.send(order, Page.waiting));
  }

  /**
   * One intent, one key. The form only comes back after an answer that is final, so whatever is sent from it is a new
   * intent; a doubt about this one is settled under this key.
   * @param {number} amount
   * @param {any} profile
   */
  function orderFor(amount, profile) {
    const key = crypto.randomUUID();
    const attempt = {
      key: key,
      amount: amount,
      profile: profile,
      currency: figures.currency,
      money: money,
      ownSentences: locale.language !== "en",
    };
    return {
      key: key,
      path: "invoices(" + opened.invoiceId + ")/Microsoft.Dynamics.CRM.cfl_ChargeInvoice",
      body: body(key, amount, profile),
      of: (/** @type {any} */ row) => Outcome.of(row, attempt),
      unknown: (/** @type {any} */ row) => Outcome.unknown(row, key),
      forbidden: Outcome.forbidden,
      waits: { slow: ["submittingSlow"], noAnswer: ["submittingNoAnswer"] },
    };
  }

  /** Amounts go as the decimal numerals they are read as. @param {string} key @param {number} amount @param {any} profile */
  function body(key, amount, profile) {
    return (
      '{"RequestKey":' +
      JSON.stringify(key) +
      ',"Amount":' +
      Money.numeral(amount, figures.currency) +
      ',"PaymentProfileId":' +
      JSON.stringify(profile.id) +
      ',"ExpectedBalance":' +
      Money.numeral(figures.room, figures.currency) +
      "}"
    );
  }

  async function checkAgain() {
    busy = true;
    Page.freeze(true);
    Page.waiting(["checking"]);
    const view = await Attempt.settle(order);
    if (view.state === "unknown") {
      const at = new Date().toLocaleTimeString(locale.style.locale);
      view.lines.splice(1, 0, ["unknownStill", at]);
    }
    await conclude(view);
  }

  /** @param {any} view */
  async function conclude(view) {
    const shown = view.reread ? await withNewFigures(view) : view;
    busy = false;
    show(shown);
  }

  /** The figures as they are now, for an answer that says they changed. @param {any} view */
  async function withNewFigures(view) {
    const before = figures.room;
    const read = await readFigures();
    if (read.refusal) return view;
    figures = read.figures;
    const instead = Obstacle.of(figures, money, Page.text);
    if (instead && (instead.state === "paid" || instead.state === "notchargeable")) return instead;
    if (view.state === "changed") {
      view.lines = [["changedText", money(figures.room), money(before)], ["nothingCharged"]];
    }
    return view;
  }

  // --- What is shown ----------------------------------------------------------------------------------------

  /** @param {any} view */
  function show(view) {
    Page.form.hidden = !view.form;
    if (view.form || WITH_FACTS.includes(view.state)) showFacts();
    else Page.facts([]);
    Page.freeze(false);
    if (view.title.length) Page.message(view.tone, view.title, view.lines);
    else Page.clearMessage();
    again = nextStep(view.again);
    const labels = /** @type {Record<string, string[]>} */ ({
      check: ["checkAgain"],
      settle: ["checkAgain"],
      reload: ["reload"],
      retry: ["tryAgain"],
      link: ["sendLink"],
    });
    const buttons = {
      close: [view.form ? "cancel" : "close"],
      again: labels[view.again],
      other: view.form || /^(noprofile|unusable)$/.test(view.state) ? addMethod() : undefined,
      charge: view.form ? ["charge", ""] : undefined,
    };
    Page.buttons(buttons, view.form ? "charge" : view.again ? "again" : "close");
    Page.enter(view.state);
    if (view.form) validate(false);
    if (view.fieldError) Page.complain(amountInput, view.fieldError);
    Page.element(view.focus).focus();
    if (view.focus === "amount") amountInput.select();
  }

  /** @param {string | undefined} what @returns {() => void} */
  function nextStep(what) {
    switch (what) {
      case "check":
        return checkAgain;
      case "settle":
        return settleElsewhere;
      case "link":
        return requestPayment;
      default:
        return load;
    }
  }

  /** A charge left behind, by a closed dialog perhaps, is looked up before the figures are read again. */
  async function settleElsewhere() {
    busy = true;
    Page.freeze(true);
    Page.waiting(["checking"]);
    if (figures.awaited && figures.awaited.key) await Attempt.check(figures.awaited.key);
    busy = false;
    load();
  }

  /** @returns {string[] | undefined} */
  function addMethod() {
    return figures && figures.ofAccount && figures.customerId ? ["addMethod"] : undefined;
  }

  /** The customer pays the invoice by themselves. */
  function requestPayment() {
    Dialog.turnTo("action.html", { action: "requestPayment", id: opened.invoiceId });
  }

  /** The customer is asked for a card or a bank account; from there it goes back to this invoice. */
  function requestProfile() {
    const back = { page: "charge.html", data: { invoiceId: opened.invoiceId, number: opened.number } };
    Dialog.turnTo("action.html", { action: "requestProfileOfAccount", id: figures.customerId, back: back });
  }

  /** @param {{ status: number, message: string }} refusal */
  function unreadable(refusal) {
    if (refusal.status === 403) {
      show({
        state: "forbidden",
        tone: "error",
        title: ["forbiddenTitle"],
        lines: [["forbiddenReadText"]],
        focus: "close",
      });
      return;
    }
    const lines = refusal.message ? [["", refusal.message], ["nothingCharged"]] : [["nothingCharged"]];
    show({ state: "error", tone: "error", title: ["unreadableTitle"], lines: lines, again: "retry", focus: "again" });
  }

  // --- Opening and closing ----------------------------------------------------------------------------------

  /** @param {Record<string, any>} data */
  function openedWith(data) {
    return { invoiceId: Dialog.id(data.invoiceId), number: String(data.number || "") };
  }

  function close() {
    if (!busy) Dialog.close();
  }
})(/** @type {any} */ (window));
