// @ts-check
/* One attempt to charge: sent once under its key, then asked about until its row says what became of it. */
(function (root) {
  "use strict";

  const { Money, Outcome, WebApi } = root.Counterfoil;

  /**
   * @typedef {{
   *   key: string, invoiceId: string, amount: number, expected: number,
   *   profile: { id: string, name: string, debit: boolean },
   *   currency: { code: string, precision: number }, money: (minor: number) => string, ownSentences: boolean
   * }} Order
   */

  const SLOW_AFTER = 8000;
  const CALL_WITHIN = 25000; // the service answers within 20 s
  const ASK_EVERY = 1000;
  const ASK_UNTIL = 75000; // the platform gives up on a call after 60 s: what has not arrived by then never will
  const CHECK_WITHIN = 65000;
  const MOST_REPEATS = 3;
  const LONGEST_PAUSE = 20000;

  const Attempt = {
    /**
     * Sends the charge; the view of its end, or of not knowing it.
     * @param {Order} order
     * @param {(line: string[]) => void} say what to tell whoever waits
     */
    charge: async function (order, say) {
      const slow = setTimeout(() => say(["submittingSlow"]), SLOW_AFTER);
      const view = await outcome(order, say);
      clearTimeout(slow);
      return view;
    },

    /**
     * CheckRequest settles what is pending, and fences off what never came; then the row says which.
     * @param {Order} order
     */
    settle: async function (order) {
      await Promise.race([Attempt.check(order.key), pause(CHECK_WITHIN)]);
      const found = await rowOf(order.key);
      return (found.row && Outcome.of(found.row, order)) || Outcome.unknown(found.row, order.key);
    },

    /** @param {string} key */
    check: function (key) {
      return WebApi.send("cfl_CheckRequest", JSON.stringify({ RequestKey: key }));
    },
  };

  /** @param {Order} order @param {(line: string[]) => void} say */
  async function outcome(order, say) {
    let call = send(order);
    let since = Date.now();
    let repeats = 0;
    await Promise.race([call.done, pause(CALL_WITHIN)]);
    for (;;) {
      const found = await rowOf(order.key);
      const view = found.row && Outcome.of(found.row, order);
      if (view) return view;
      if (call.status === 403 && repeats === 0 && !found.row) return Outcome.forbidden();
      const waited = Date.now() - since;
      if (call.status === 429 && found.absent && repeats < MOST_REPEATS) {
        repeats += 1;
        await pause(Math.min(Math.max(call.retryAfter * 1000, ASK_EVERY), LONGEST_PAUSE));
        call = send(order);
        since = Date.now();
        await Promise.race([call.done, pause(CALL_WITHIN)]);
      } else if (waited >= ASK_UNTIL) {
        return found.row ? Outcome.unknown(found.row, order.key) : Attempt.settle(order);
      } else {
        if (waited >= SLOW_AFTER) say([found.absent ? "submittingNoAnswer" : "submittingSlow"]);
        await pause(ASK_EVERY);
      }
    }
  }

  /** The call under way; `status` stays undefined until it is answered. @param {Order} order */
  function send(order) {
    const call = { status: /** @type {number | undefined} */ (undefined), retryAfter: 0, done: Promise.resolve() };
    const path = "invoices(" + order.invoiceId + ")/Microsoft.Dynamics.CRM.cfl_ChargeInvoice";
    call.done = WebApi.send(path, body(order)).then((/** @type {any} */ answer) => {
      call.status = answer.status;
      call.retryAfter = answer.retryAfter;
    });
    return call;
  }

  /** Amounts go as the decimal numerals they are read as. @param {Order} order */
  function body(order) {
    return (
      '{"RequestKey":' +
      JSON.stringify(order.key) +
      ',"Amount":' +
      Money.numeral(order.amount, order.currency) +
      ',"PaymentProfileId":' +
      JSON.stringify(order.profile.id) +
      ',"ExpectedBalance":' +
      Money.numeral(order.expected, order.currency) +
      "}"
    );
  }

  /** @param {string} key */
  async function rowOf(key) {
    const answer = await WebApi.read(Outcome.path(key));
    return { row: answer.status === 200 ? answer.body : null, absent: answer.status === 404 };
  }

  /** @param {number} milliseconds @returns {Promise<void>} */
  function pause(milliseconds) {
    return new Promise((resolve) => {
      setTimeout(() => resolve(), milliseconds);
    });
  }

  root.Counterfoil.Attempt = Attempt;
})(/** @type {any} */ (window));
