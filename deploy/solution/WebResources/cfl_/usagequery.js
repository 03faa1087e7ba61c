// @ts-check
/* The filter of a usage history as FetchXML: one query for what is listed, for what is added up and for what is credited. */
(function (root) {
  "use strict";

  /**
   * What stands in the filter; an empty text narrows nothing.
   * @typedef {{
   *   DateFrom: string, DateTo: string, Originator: string, Terminator: string, UsageClass: string, Service: string,
   *   Status: string
   * }} Filter
   */

  /** Filter, column and operator: dates are days of the user's, texts are looked for anywhere. @type {[keyof Filter, string, string][]} */
  const CONDITIONS = [
    ["DateFrom", "cfl_date", "on-or-after"],
    ["DateTo", "cfl_date", "on-or-before"],
    ["Originator", "cfl_originator", "like"],
    ["Terminator", "cfl_terminator", "like"],
    ["UsageClass", "cfl_usageclass", "eq"],
    ["Status", "cfl_status", "eq"],
  ];

  const UsageQuery = {
    /** Whether a filter narrows anything (E95). @param {Filter} filter */
    narrows: function (filter) {
      return Object.values(filter).some((value) => value !== "");
    },

    /**
     * The records of a billing account that a filter leaves, the newest first, as a query without columns.
     * @param {string} account
     * @param {Filter} filter
     */
    of: function (account, filter) {
      const query = document.implementation.createDocument(null, "fetch");
      const entity = below(query.documentElement, "entity", { name: "cfl_usagerecord" });
      below(entity, "order", { attribute: "cfl_date", descending: "true" });
      below(entity, "order", { attribute: "cfl_usagerecordid" });
      const all = below(entity, "filter", { type: "and" });
      condition(all, "statecode", "eq", "0");
      condition(all, "cfl_billingaccountid", "eq", account);
      CONDITIONS.filter((each) => filter[each[0]] !== "").forEach((each) => {
        condition(all, each[1], each[2], each[2] === "like" ? anywhere(filter[each[0]]) : filter[each[0]]);
      });
      if (filter.Service !== "") {
        const service = below(entity, "link-entity", { name: "product", from: "productid", to: "cfl_serviceid" });
        condition(below(service, "filter", { type: "and" }), "name", "like", anywhere(filter.Service));
      }
      return new XMLSerializer().serializeToString(query);
    },

    /**
     * Where a page of it is read.
     * @param {string} query
     * @param {string[]} columns
     * @param {number} size
     * @param {number} page
     */
    address: function (query, columns, size, page) {
      const xml = new DOMParser().parseFromString(query, "text/xml");
      const fetch = xml.documentElement;
      fetch.setAttribute("count", String(size));
      fetch.setAttribute("page", String(page));
      columns.forEach((name) => below(/** @type {Element} */ (fetch.firstElementChild), "attribute", { name: name }));
      return "cfl_usagerecords?fetchXml=" + encodeURIComponent(new XMLSerializer().serializeToString(xml));
    },
  };

  /** @param {Element} parent @param {string} name @param {Record<string, string>} attributes */
  function below(parent, name, attributes) {
    const made = parent.ownerDocument.createElement(name);
    Object.entries(attributes).forEach((each) => made.setAttribute(each[0], each[1]));
    parent.append(made);
    return made;
  }

  /** @param {Element} filter @param {string} column @param {string} operator @param {string} value */
  function condition(filter, column, operator, value) {
    below(filter, "condition", { attribute: column, operator: operator, value: value });
  }

  /** A pattern's own signs stand for themselves in brackets. @param {string} text */
  function anywhere(text) {
    return "%" + text.replace(/[[%_]/g, "[$&]") + "%";
  }

  root.Counterfoil.UsageQuery = UsageQuery;
})(/** @type {any} */ (window));
