// @ts-check
/* What was entered: whether it can be sent, what to say about it, and the call it becomes. */
(function (root) {
  "use strict";

  const { Money } = root.Counterfoil;

  /** @typedef {string[]} Line */

  const Entries = {
    /**
     * What is wrong with an entry; nothing when the line is empty.
     * @param {any} field
     * @param {any} s with `raw`, what stands in the controls, and `readable`, whether a date could be read
     * @param {any} style
     * @returns {Line}
     */
    problem: function (field, s, style) {
      const raw = s.raw[field.name];
      switch (field.type) {
        case "money":
          return problemOfAmount(field, raw, s, style);
        case "date":
          return problemOfDate(field, raw, s);
        case "ticks":
          if (raw.length > field.mostRows) return ["errorTooManyRows", String(field.mostRows)];
          return Entries.required(field, s) && raw.length === 0 ? ["errorTick"] : [];
        case "lookup":
          if (raw === "" && s.typed[field.name]) return ["errorSuggestion"];
          return Entries.required(field, s) && raw === "" ? ["errorChoose"] : [];
        case "choice":
        case "pick":
        case "one":
          return Entries.required(field, s) && raw === "" ? ["errorChoose"] : [];
        case "text":
        case "memo":
          if (looksLikeCard(raw)) return ["errorCardNumber"];
          return Entries.required(field, s) && raw.trim() === "" ? ["errorFill"] : [];
        default:
          return [];
      }
    },

    /** @param {any} field @param {any} s @returns {boolean} */
    required: function (field, s) {
      return typeof field.required === "function" ? field.required(s) : field.required === true;
    },

    /**
     * What an entry means: minor units, a day, a boolean, an id, a list of ids; null where it is empty or wrong.
     * @param {any} field
     * @param {any} raw
     * @param {any} s
     * @param {any} style
     */
    value: function (field, raw, s, style) {
      if (field.type === "money") {
        const parsed = Money.parse(raw, style, currencyOf(field, s));
        return parsed.problem === undefined ? parsed.minor : null;
      }
      if (field.type === "text" || field.type === "memo") return raw.trim() === "" ? null : raw.trim();
      return raw === "" ? null : raw;
    },

    /**
     * What stands in a control for a value.
     * @param {any} field
     * @param {any} value
     * @param {any} s
     * @param {any} style
     */
    shown: function (field, value, s, style) {
      if (value === null || value === undefined) return field.type === "ticks" ? [] : "";
      return field.type === "money" ? Money.editable(value, currencyOf(field, s), style) : value;
    },

    /**
     * The JSON of the call: the key, what nobody is asked for, and every shown field that holds something. Amounts go as
     * the decimal numerals they are read as.
     * @param {any} action
     * @param {any[]} fields those that are shown
     * @param {any} s
     * @param {string} key
     */
    body: function (action, fields, s, key) {
      const parts = [member("RequestKey", JSON.stringify(key))];
      fields.forEach((field) => {
        const value = s.values[field.name];
        if (field.sends === "nothing" || value === null || (Array.isArray(value) && value.length === 0)) return;
        if (field.sends === "changes" && String(value) === String(field.initial(s))) return;
        const chosen = s.found[field.name];
        const name = (field.type === "lookup" && chosen && chosen.parameter) || field.name;
        parts.push(member(name, wire(field.options ? "choice" : field.type, value, s)));
      });
      (action.fixed ? action.fixed(s) : []).forEach((/** @type {[string, string, any]} */ each) => {
        parts.push(member(each[0], wire(each[1], each[2], s)));
      });
      return "{" + parts.join(",") + "}";
    },

    /** Whether anything but the key would be sent. @param {string} body */
    saysSomething: function (body) {
      return Object.keys(JSON.parse(body)).length > 1;
    },
  };

  /** @param {any} field @param {any} s */
  function currencyOf(field, s) {
    return field.currency ? field.currency(s) : s.currency;
  }

  /** @param {string} name @param {string} json */
  function member(name, json) {
    return JSON.stringify(name) + ":" + json;
  }

  /** @param {string} type @param {any} value @param {any} s */
  function wire(type, value, s) {
    switch (type) {
      case "money":
        return Money.numeral(value, s.currency);
      case "choice":
        return String(Number(value));
      case "date":
        return JSON.stringify(value + "T00:00:00Z");
      default:
        return JSON.stringify(value);
    }
  }

  /** @param {any} field @param {string} raw @param {any} s @param {any} style @returns {Line} */
  function problemOfAmount(field, raw, s, style) {
    const currency = currencyOf(field, s);
    const parsed = Money.parse(raw, style, currency);
    if (parsed.problem === "empty" && !Entries.required(field, s)) return [];
    const most = field.most ? field.most(s) : Infinity;
    if (parsed.problem === undefined && parsed.minor > most) return [field.tooMuch, s.money(most)];
    if (parsed.problem === undefined) return [];
    const places = currency.precision;
    const example = Money.editable(125000, currency, style);
    switch (parsed.problem) {
      case "empty":
        return ["errorEmpty"];
      case "zero":
        return ["errorZero"];
      case "huge":
        return most === Infinity ? ["errorHuge"] : [field.tooMuch, s.money(most)];
      case "decimals":
        return places ? ["errorDecimals", String(places), example] : ["errorWhole", example];
      default:
        return ["errorFormat", example];
    }
  }

  /** @param {any} field @param {string} raw @param {any} s @returns {Line} */
  function problemOfDate(field, raw, s) {
    if (!s.readable[field.name]) return ["errorDate"];
    if (raw === "") return Entries.required(field, s) ? ["errorDate"] : [];
    const before = field.after && s.raw[field.after];
    return before && raw < before ? ["errorDateOrder"] : [];
  }

  /** 13 to 19 digits with the check digit of a card: what must never stand in a row (PCI DSS). @param {string} raw */
  function looksLikeCard(raw) {
    return (raw.match(/\d(?:[ -]?\d){12,18}/g) || []).some((run) => {
      const digits = run.replace(/\D/g, "").split("").map(Number).reverse();
      const sum = digits.reduce((total, digit, place) => {
        const doubled = place % 2 ? digit * 2 : digit;
        return total + (doubled > 9 ? doubled - 9 : doubled);
      }, 0);
      return sum % 10 === 0;
    });
  }

  root.Counterfoil.Entries = Entries;
})(/** @type {any} */ (window));
