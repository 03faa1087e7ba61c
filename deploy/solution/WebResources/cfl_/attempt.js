// @ts-check
/* One attempt at an action: sent once under its key, then asked about until its row says what became of it. */
(function (root) {
  "use strict";

  const { Request, WebApi } = root.Counterfoil;

  /**
   * `path` and `body` are the call. `of` is what a row means, null while it is no end; `unknown` what is said when there
   * is none within the time a user can be asked to wait; `forbidden` when the platform itself said no.
   * @typedef {{
   *   key: string, path: string, body: string,
   *   of: (row: any) => any, unknown: (row: any) => any, forbidden: () => any,
   *   waits: { slow: string[], noAnswer: string[] }
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
     * Sends the call; the view of its end, or of not knowing it.
     * @param {Order} order
     * @param {(line: string[]) => void} say what to tell whoever waits
     */
    send: async function (order, say) {
      const slow = setTimeout(() => say(order.waits.slow), SLOW_AFTER);
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
      return (found.row && order.of(found.row)) || order.unknown(found.row);
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
      const view = found.row && order.of(found.row);
      if (view) return view;
      if (call.status === 403 && repeats === 0 && !found.row) return order.forbidden();
      const waited = Date.now() - since;
      if (call.status === 429 && found.absent && repeats < MOST_REPEATS) {
        repeats += 1;
        await pause(Math.min(Math.max(call.retryAfter * 1000, ASK_EVERY), LONGEST_PAUSE));
        call = send(order);
        since = Date.now();
        await Promise.race([call.done, pause(CALL_WITHIN)]);
      } else if (waited >= ASK_UNTIL) {
        return found.row ? order.unknown(found.row) : Attempt.settle(order);
      } else {
        if (waited >= SLOW_AFTER) say(found.absent ? order.waits.noAnswer : order.waits.slow);
        await pause(ASK_EVERY);
      }
    }
  }

  /** The call under way; `status` stays undefined until it is answered. @param {Order} order */
  function send(order) {
    const call = { status: /** @type {number | undefined} */ (undefined), retryAfter: 0, done: Promise.resolve() };
    call.done = WebApi.send(order.path, order.body).then((/** @type {any} */ answer) => {
      call.status = answer.status;
      call.retryAfter = answer.retryAfter;
    });
    return call;
  }

  /** @param {string} key */
  async function rowOf(key) {
    const answer = await WebApi.read(Request.path(key));
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
