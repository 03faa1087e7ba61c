// @ts-check
/* The Charge dialog: one intent, one key; what became of it is read from the CRM, whatever the call itself answered. */
(function (root) {
  "use strict";

  const { Figures, Locale, Money, Outcome, Page, WebApi } = root.Counterfoil;

  const SLOW_AFTER = 8000;
  const CALL_WITHIN = 25000; // the service answers within 20 s
  const ASK_EVERY = 1000;
  const ASK_UNTIL = 75000; // the platform gives up on a call after 60 s: what has not arrived by then never will
  const MOST_REPEATS = 3;
  const LONGEST_PAUSE = 20000;

  const opened = openedWith(new URLSearchParams(location.search));
  const user = root.GetGlobalContext ? root.GetGlobalContext() : null;

  let locale = Locale.of(null, navigator.language);
  /** @type {any} */
  let figures = null;
  /** @type {{ key: string, signature: string, sent: boolean } | null} */
  let intent = null;
  /** @type {any} */
  let attempt = null;
  let busy = false;
  let again = /** @type {() => void} */ (() => undefined);

  Page.form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  Page.amount.addEventListener("input", () => validate(true));
  Page.profile.addEventListener("change", () => validate(true));
  Page.close.addEventListener("click", () => close());
  Page.again.addEventListener("click", () => {
    if (!busy) again();
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
    Page.buttons({ close: ["cancel"], primary: "close" });
    const [settings, read] = await Promise.all([userSettings(), Figures.read(opened.invoiceId, new Date())]);
    locale = Locale.of(settings, navigator.language);
    speak();
    if (read.refusal) unreadable(read.refusal);
    else present(read.figures);
  }

  function speak() {
    Page.speak(locale);
    Page.headline(figures ? figures.number : opened.number);
  }

  async function userSettings() {
    let id = user && user.userSettings ? user.userSettings.userId : user && user.getUserId ? user.getUserId() : "";
    if (!id) {
      const me = await WebApi.read("WhoAmI");
      id = me.status === 200 ? me.body.UserId : "";
    }
    if (!id) return null;
    const columns = "decimalsymbol,numberseparator,numbergroupformat,localeid,uilanguageid";
    const row = await WebApi.read("usersettingscollection(" + id.replace(/[{}]/g, "") + ")?$select=" + columns);
    return row.status === 200 ? row.body : null;
  }

  /** Shows the form, or why there is nothing to charge. @param {any} read */
  function present(read) {
    figures = read;
    intent = null;
    Page.headline(figures.number);
    const instead = insteadOfForm();
    if (instead) {
      show(instead);
      return;
    }
    Page.clearMessage();
    Page.currency(figures.currency.code);
    showFacts();
    offerProfiles();
    Page.amount.value = Money.editable(figures.room, figures.currency, locale.style);
    Page.form.hidden = false;
    Page.freeze(false);
    Page.buttons({ close: ["cancel"], charge: ["charge", money(figures.room)], primary: "charge" });
    validate(false);
    if (chosen()) {
      Page.amount.focus();
      Page.amount.select();
    } else {
      Page.profile.focus();
    }
  }

  /** W02, W03, W37, A2, A25: the first thing that stands in the way. */
  function insteadOfForm() {
    if (!figures.chargeable) return ending("notchargeable", "info", ["notChargeableTitle"], ["notChargeableText"]);
    if (figures.balance <= 0) return ending("paid", "info", ["paidTitle"], ["paidText"]);
    if (figures.awaited) return elsewhere(figures.awaited);
    if (figures.room <= 0) return ending("pending", "info", ["pendingAllTitle"], ["pendingAllText", money(figures.inProgress)]);
    if (!figures.contract) return ending("noprofile", "warning", ["noProfileTitle"], ["noContractText", figures.number]);
    if (!figures.contractProfileId) return ending("noprofile", "warning", ["noProfileTitle"], ["noContractProfileText", figures.contract.name]);
    if (!figures.profiles.some((/** @type {any} */ one) => one.unusable === "")) {
      const of = contractProfile();
      return ending("unusable", "warning", ["unusableTitle"], ["unusableText", of.name, Page.text(reasonLine(of))]);
    }
    return null;
  }

  /** @param {string} state @param {string} tone @param {string[]} title @param {string[]} line */
  function ending(state, tone, title, line) {
    return { state: state, tone: tone, title: title, lines: [line], focus: "close" };
  }

  /** A charge that somebody, perhaps this user a moment ago, made and that has no answer yet. @param {any} awaited */
  function elsewhere(awaited) {
    const line = awaited.by ? ["inProgressText", money(awaited.amount), awaited.by] : ["inProgressTextUnnamed", money(awaited.amount)];
    return Object.assign(ending("inprogress", "warning", ["inProgressTitle"], line), { again: "settle", focus: "again" });
  }

  function contractProfile() {
    const found = figures.profiles.find((/** @type {any} */ one) => one.id === figures.contractProfileId);
    return found || { id: "", name: "", unusable: "reasonForeign" };
  }

  /** @param {any} profile */
  function reasonLine(profile) {
    return profile.unusable === "reasonCurrency" ? ["reasonCurrency", figures.currency.code] : [profile.unusable];
  }

  function showFacts() {
    const rows = [
      { label: ["customer"], value: figures.customer },
      { label: ["total"], value: money(figures.total) },
      { label: ["chargedSoFar"], value: money(figures.charged) },
    ];
    if (figures.otherPayments) rows.push({ label: ["otherPayments"], value: money(figures.otherPayments) });
    if (figures.credits) rows.push({ label: ["credits"], value: money(figures.credits) });
    const due = { label: ["balanceDue"], value: money(figures.balance), strong: true };
    if (figures.inProgress) {
      Page.facts(rows.concat(due, { label: ["inProgress"], value: money(figures.inProgress) }, { label: ["canBeCharged"], value: money(figures.room) }));
    } else {
      Page.facts(rows.concat(due));
    }
  }

  function offerProfiles() {
    const preselected = contractProfile();
    const usable = preselected.unusable === "";
    const options = figures.profiles.map((/** @type {any} */ one) => ({ value: one.id, label: profileLabel(one), disabled: one.unusable !== "" }));
    if (!usable) options.unshift({ value: "", label: Page.text(["chooseProfile"]), disabled: false });
    Page.profiles(options, usable ? preselected.id : "");
  }

  /** @param {any} profile */
  function profileLabel(profile) {
    const named = profile.expiry ? Page.text(["profileExpires", profile.name, profile.expiry]) : profile.name;
    return profile.unusable ? Page.text(["profileWith", named, Page.text(reasonLine(profile))]) : named;
  }

  // --- What the user enters ---------------------------------------------------------------------------------

  function chosen() {
    return figures.profiles.find((/** @type {any} */ one) => one.id === Page.profile.value && one.unusable === "") || null;
  }

  /**
   * Says what is wrong, or what is left; the amount in minor units, null while something is wrong.
   * @param {boolean} edited whether the user did something since the last answer
   */
  function validate(edited) {
    if (!figures || Page.form.hidden || busy) return null;
    const parsed = Money.parse(Page.amount.value, locale.style, figures.currency);
    const tooMuch = parsed.problem === undefined && parsed.minor > figures.room;
    const error = parsed.problem !== undefined ? problemLine(parsed.problem) : tooMuch ? aboveLine() : [];
    const amount = error.length ? null : parsed.minor;
    const profile = chosen();
    Page.note("amount-error", error);
    Page.note("amount-hint", hintLine(amount));
    Page.note("profile-note", profileNote(profile));
    Page.write(Page.charge, ["charge", money(amount === null ? figures.room : amount)]);
    Page.charge.setAttribute("aria-disabled", String(amount === null || !profile));
    if (edited || document.body.dataset.state === "loading") Page.enter(amount === null ? "invalid" : profile ? "ready" : "unusable");
    return profile ? amount : null;
  }

  /** @param {string} problem */
  function problemLine(problem) {
    const example = Money.editable(figures.room, figures.currency, locale.style);
    switch (problem) {
      case "empty":
        return ["errorEmpty"];
      case "zero":
        return ["errorZero"];
      case "huge":
        return aboveLine();
      case "decimals":
        return figures.currency.precision ? ["errorDecimals", String(figures.currency.precision), example] : ["errorWhole", example];
      default:
        return ["errorFormat", example];
    }
  }

  function aboveLine() {
    return [figures.inProgress ? "errorAboveRoom" : "errorAboveBalance", money(figures.room)];
  }

  /** @param {number | null} amount */
  function hintLine(amount) {
    if (amount !== null && amount < figures.room) return ["hintPartial", money(figures.balance - amount)];
    return [figures.inProgress ? "hintRoom" : "hintAll", money(figures.room)];
  }

  /** @param {any} profile */
  function profileNote(profile) {
    if (profile) return profile.expiresThisMonth ? ["expiresThisMonth"] : [];
    const of = contractProfile();
    return of.unusable ? ["contractProfileUnusable", of.name, Page.text(reasonLine(of))] : ["errorProfile"];
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
      (profile ? Page.amount : Page.profile).focus();
      return;
    }
    if (!navigator.onLine) {
      show(Outcome.offline());
      return;
    }
    busy = true;
    take(amount, profile);
    Page.enter("submitting", true);
    Page.freeze(true);
    Page.waiting(["submitting", money(amount)]);
    const slow = setTimeout(() => Page.waiting(["submittingSlow"]), SLOW_AFTER);
    const view = await outcomeOf(amount, profile);
    clearTimeout(slow);
    await conclude(view);
  }

  /** The key of this intent: kept over every doubt, new when amount or profile differ or the last answer was final. @param {number} amount @param {any} profile */
  function take(amount, profile) {
    const signature = profile.id + "|" + amount;
    if (!intent || (intent.sent && intent.signature !== signature)) intent = { key: crypto.randomUUID(), signature: "", sent: false };
    intent.signature = signature;
    attempt = {
      amount: amount,
      profile: profile,
      key: intent.key,
      ownSentences: locale.language !== "en",
      currency: figures.currency,
      money: money,
    };
  }

  /** Sends the charge and asks what became of it until that is known, or until asking further is no use. @param {number} amount @param {any} profile */
  async function outcomeOf(amount, profile) {
    const current = /** @type {NonNullable<typeof intent>} */ (intent);
    const firstTime = !current.sent;
    const call = { answer: /** @type {any} */ (null) };
    let since = Date.now();
    let repeats = 0;
    const send = () => {
      call.answer = null;
      current.sent = true;
      return WebApi.send("invoices(" + opened.invoiceId + ")/Microsoft.Dynamics.CRM.cfl_ChargeInvoice", chargeBody(amount, profile)).then((/** @type {any} */ answer) => {
        call.answer = answer;
      });
    };
    await Promise.race([send(), pause(CALL_WITHIN)]);
    for (;;) {
      const found = await requestRow();
      const view = found.row && Outcome.of(found.row, attempt);
      if (view) return view;
      if (found.absent && call.answer) {
        if (call.answer.status === 403 && firstTime && repeats === 0) return Outcome.forbidden();
        if (call.answer.status === 429 && repeats < MOST_REPEATS) {
          repeats += 1;
          await pause(Math.min(Math.max(call.answer.retryAfter * 1000, ASK_EVERY), LONGEST_PAUSE));
          since = Date.now();
          await Promise.race([send(), pause(CALL_WITHIN)]);
          continue;
        }
      }
      const waited = Date.now() - since;
      if (waited >= ASK_UNTIL) return found.absent ? askOnce() : Outcome.unknown(found.row, current.key);
      if (waited >= SLOW_AFTER) Page.waiting([found.absent ? "submittingNoAnswer" : "submittingSlow"]);
      await pause(ASK_EVERY);
    }
  }

  /** CheckRequest settles what is pending, and fences off what never came; then the row says which. */
  async function askOnce() {
    await WebApi.send("cfl_CheckRequest", JSON.stringify({ RequestKey: attempt.key }));
    const found = await requestRow();
    return (found.row && Outcome.of(found.row, attempt)) || Outcome.unknown(found.row, attempt.key);
  }

  async function requestRow() {
    const answer = await WebApi.read(Outcome.path(attempt.key));
    return { row: answer.status === 200 ? answer.body : null, absent: answer.status === 404 };
  }

  /** Amounts go as the decimal numerals they are read as. @param {number} amount @param {any} profile */
  function chargeBody(amount, profile) {
    return (
      '{"RequestKey":' + JSON.stringify(attempt.key) +
      ',"Amount":' + Money.numeral(amount, figures.currency) +
      ',"PaymentProfileId":' + JSON.stringify(profile.id) +
      ',"ExpectedBalance":' + Money.numeral(figures.room, figures.currency) + "}"
    );
  }

  async function checkAgain() {
    busy = true;
    Page.freeze(true);
    Page.waiting(["checking"]);
    const view = await askOnce();
    if (view.state === "unknown") {
      const at = new Date().toLocaleTimeString(locale.style.locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
      view.lines.splice(1, 0, ["unknownStill", at]);
    }
    await conclude(view);
  }

  /** @param {any} view */
  async function conclude(view) {
    if (view.final) intent = null;
    const shown = view.reread ? await withNewFigures(view) : view;
    busy = false;
    show(shown);
  }

  /** The figures as they are now, for an answer that says they changed. @param {any} view */
  async function withNewFigures(view) {
    const before = figures.room;
    const read = await Figures.read(opened.invoiceId, new Date());
    if (read.refusal) return view;
    figures = read.figures;
    if (view.state === "pending") return Object.assign(view, { facts: true });
    const instead = insteadOfForm();
    if (instead && (instead.state === "paid" || instead.state === "notchargeable")) return instead;
    if (view.state === "changed") view.lines = [["changedText", money(figures.room), money(before)], ["nothingCharged"]];
    return view;
  }

  // --- What is shown ----------------------------------------------------------------------------------------

  /** @param {any} view */
  function show(view) {
    Page.form.hidden = !view.form;
    if (view.form || view.facts) showFacts();
    else Page.facts([]);
    Page.freeze(false);
    if (view.title.length) Page.message(view.tone, view.title, view.lines);
    else Page.clearMessage();
    again = nextStep(view.again);
    const labels = /** @type {Record<string, string[]>} */ ({ check: ["checkAgain"], settle: ["checkAgain"], reload: ["reload"], retry: ["tryAgain"] });
    Page.buttons({
      close: [view.form ? "cancel" : "close"],
      again: labels[view.again],
      charge: view.form ? ["charge", ""] : undefined,
      primary: view.form ? "charge" : view.again ? "again" : "close",
    });
    Page.enter(view.state);
    if (view.form) validate(false);
    if (view.fieldError) Page.note("amount-error", view.fieldError);
    Page[view.focus].focus();
    if (view.focus === "amount") Page.amount.select();
  }

  /** @param {string | undefined} what @returns {() => void} */
  function nextStep(what) {
    switch (what) {
      case "check":
        return checkAgain;
      case "settle":
        return settleElsewhere;
      default:
        return load;
    }
  }

  /** A charge left behind, by a closed dialog perhaps, is looked up before the figures are read again. */
  async function settleElsewhere() {
    busy = true;
    Page.freeze(true);
    Page.waiting(["checking"]);
    if (figures.awaited.key) await WebApi.send("cfl_CheckRequest", JSON.stringify({ RequestKey: figures.awaited.key }));
    busy = false;
    load();
  }

  /** @param {{ status: number, message: string }} refusal */
  function unreadable(refusal) {
    if (refusal.status === 403) {
      show({ state: "forbidden", tone: "error", title: ["forbiddenTitle"], lines: [["forbiddenReadText"]], focus: "close" });
      return;
    }
    const lines = refusal.message ? [["", refusal.message], ["nothingCharged"]] : [["nothingCharged"]];
    show({ state: "error", tone: "error", title: ["unreadableTitle"], lines: lines, again: "retry", focus: "again" });
  }

  // --- Opening and closing ----------------------------------------------------------------------------------

  /** The platform hands `data` over in either case, encoded once or twice. @param {URLSearchParams} query */
  function openedWith(query) {
    const text = query.get("data") || query.get("Data") || "{}";
    let data;
    try {
      data = JSON.parse(text.charAt(0) === "{" ? text : decodeURIComponent(text));
    } catch (malformed) {
      data = {};
    }
    return { invoiceId: String(data.invoiceId || "").replace(/[^0-9a-fA-F-]/g, ""), number: String(data.number || "") };
  }

  /** There is no documented way to close a dialog from inside: the window first, then the platform's own cross. */
  function close() {
    if (busy) return;
    window.close();
    setTimeout(() => {
      const cross = crossOfPlatform();
      if (cross) cross.click();
      else Page.message("info", ["closeByHand"], []);
    }, 200);
  }

  /** @returns {HTMLElement | null} */
  function crossOfPlatform() {
    try {
      return window.parent === window ? null : window.parent.document.querySelector("button[data-id='dialogCloseIconButton']");
    } catch (foreignParent) {
      return null;
    }
  }

  /** @param {number} milliseconds @returns {Promise<void>} */
  function pause(milliseconds) {
    return new Promise((resolve) => {
      setTimeout(() => resolve(), milliseconds);
    });
  }
})(/** @type {any} */ (window));
