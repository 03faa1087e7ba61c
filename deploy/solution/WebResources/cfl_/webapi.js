// @ts-check
/* The Web API of the CRM this page came from, with the user's own rights. An answer is a value, never an exception. */
(function (root) {
  "use strict";

  /**
   * `status` 0: no answer came.
   * @typedef {{ status: number, body: any, code: string, message: string, retryAfter: number }} Answer
   */

  const ROOT = "/api/data/v9.2/";
  const READ_WITHIN = 15000;

  const WebApi = {
    /** @param {string} path @returns {Promise<Answer>} */
    read: function (path) {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(), READ_WITHIN);
      return ask(path, { method: "GET", signal: controller.signal, cache: "no-store" }).then((answer) => {
        clearTimeout(timer);
        return answer;
      });
    },

    /**
     * @param {string} path
     * @param {string} body JSON text, so that amounts stay the decimal numerals they are
     * @returns {Promise<Answer>}
     */
    send: function (path, body) {
      return ask(path, { method: "POST", body: body });
    },
  };

  /** @param {string} path @param {RequestInit} init @returns {Promise<Answer>} */
  async function ask(path, init) {
    const headers = {
      Accept: "application/json",
      "Content-Type": "application/json; charset=utf-8",
      "OData-MaxVersion": "4.0",
      "OData-Version": "4.0",
      Prefer: 'odata.include-annotations="*"',
    };
    try {
      const response = await fetch(ROOT + path, Object.assign({ headers: headers, credentials: "same-origin" }, init));
      const text = await response.text();
      const body = text === "" ? null : parsed(text);
      const error = (body && body.error) || {};
      return {
        status: response.status,
        body: body,
        code: error.code || "",
        message: error.message || "",
        retryAfter: Number(response.headers.get("Retry-After")) || 0,
      };
    } catch (noAnswer) {
      return { status: 0, body: null, code: "", message: "", retryAfter: 0 };
    }
  }

  /** A proxy between here and the CRM may answer with a page instead of JSON. @param {string} text */
  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch (notJson) {
      return null;
    }
  }

  root.Counterfoil = root.Counterfoil || {};
  root.Counterfoil.WebApi = WebApi;
})(/** @type {any} */ (window));
