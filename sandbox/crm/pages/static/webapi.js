/* Xrm.WebApi over the same addresses that any other client uses. */
(function () {
  "use strict";

  const page = JSON.parse(document.getElementById("page-data").textContent);
  const ROOT = "/api/data/v9.2/";
  const ACTION = 0, FUNCTION = 1, CRUD = 2;

  window.Sandbox = window.Sandbox || {};
  window.Sandbox.page = page;
  window.Sandbox.grids = new Map(); // every list on the page, by the id of its control

  const WebApi = {
    retrieveRecord: async (table, id, options) => (await send("GET", address(table, id) + (options || ""))).json(),

    retrieveMultipleRecords: async (table, options, pageSize) => {
      const next = options && /^https?:/.test(options) ? options : null;
      const headers = pageSize ? { Prefer: 'odata.include-annotations="*",odata.maxpagesize=' + pageSize } : {};
      const answer = await (await send("GET", next || setOf(table) + (options || ""), undefined, headers)).json();
      return { entities: answer.value, nextLink: answer["@odata.nextLink"], fetchXmlPagingCookie: answer["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"] };
    },

    createRecord: async (table, data) => {
      const answer = await send("POST", setOf(table), data);
      const id = /\(([^)]+)\)$/.exec(answer.headers.get("OData-EntityId") || "");
      return { entityType: table, id: id ? id[1] : "" };
    },

    updateRecord: async (table, id, data) => {
      await send("PATCH", address(table, id), data, { "If-Match": "*" });
      return { entityType: table, id: bare(id) };
    },

    deleteRecord: async (table, id) => {
      await send("DELETE", address(table, id));
      return { entityType: table, id: bare(id) };
    },

    isAvailableOffline: () => false,

    online: {
      execute: (request) => execute(request),
      executeMultiple: (requests) => Promise.all(requests.map((request) => execute(request))),
    },
  };
  Object.assign(WebApi.online, WebApi, { online: undefined });
  WebApi.execute = WebApi.online.execute;
  WebApi.executeMultiple = WebApi.online.executeMultiple;
  window.Sandbox.WebApi = WebApi;

  /** Runs a custom API or function as its getMetadata() describes it; answers like fetch, rejects with errorCode and message. */
  async function execute(request) {
    const about = request.getMetadata();
    if (about.operationType === CRUD) throw failure({ message: "The sandbox runs actions and functions here, not " + about.operationName + "." });
    const bound = about.boundParameter ? request[about.boundParameter] : null;
    const names = Object.keys(about.parameterTypes || {}).filter((name) => name !== about.boundParameter && request[name] !== undefined);
    const prefix = bound ? address(bound.entityType, bound.id) + "/Microsoft.Dynamics.CRM." : "";
    if (about.operationType === FUNCTION) {
      const given = names.map((name, index) => name + "=@p" + index).join(",");
      const values = names.map((name, index) => "@p" + index + "=" + encodeURIComponent(literal(request[name]))).join("&");
      return send("GET", prefix + about.operationName + "(" + given + ")" + (values ? "?" + values : ""));
    }
    if (about.operationType !== ACTION) throw failure({ message: "Unknown operation type " + about.operationType + "." });
    const body = Object.fromEntries(names.map((name) => [name, request[name]]));
    return send("POST", prefix + about.operationName, body);
  }

  async function send(method, path, body, headers) {
    let answer;
    try {
      answer = await fetch(/^https?:/.test(path) ? path : ROOT + path, {
        method: method,
        headers: Object.assign(
          { Accept: "application/json", "Content-Type": "application/json; charset=utf-8", "OData-MaxVersion": "4.0", "OData-Version": "4.0", Prefer: 'odata.include-annotations="*"' },
          headers
        ),
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (unreachable) {
      throw failure({ message: "There was no answer." });
    }
    if (answer.ok) return answer;
    const content = await answer.json().catch(() => ({}));
    throw failure(content.error || { message: "The server answered " + answer.status + "." });
  }

  /** The typed error of the client API: no HTTP status in it. */
  function failure(error) {
    const thrown = new Error(error.message);
    thrown.errorCode = error.code ? parseInt(error.code, 16) : 0;
    return thrown;
  }

  function setOf(table) {
    const found = page.sets[table];
    if (!found) throw failure({ message: "There is no table " + table + "." });
    return found;
  }

  function address(table, id) {
    return setOf(table) + "(" + bare(id) + ")";
  }

  function bare(id) {
    return String(id).replace(/[{}]/g, "").toLowerCase();
  }

  function literal(value) {
    if (typeof value === "string") return "'" + value.replace(/'/g, "''") + "'";
    if (value && value.entityType) return JSON.stringify({ "@odata.id": address(value.entityType, value.id) });
    return value && typeof value === "object" ? JSON.stringify(value) : String(value);
  }
})();
