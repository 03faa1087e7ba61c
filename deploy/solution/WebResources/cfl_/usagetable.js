// @ts-check
/* Usage records as rows of a table, written as this user reads them. Decides nothing. */
(function (root) {
  "use strict";

  const { Money, Page } = root.Counterfoil;

  const CHOICE = 728310000;
  const FORMATTED = "@OData.Community.Display.V1.FormattedValue";

  const CLASSES = /** @type {[number, string[]][]} */ ([
    [CHOICE, ["usageCall"]],
    [CHOICE + 1, ["usageMessage"]],
    [CHOICE + 2, ["usageData"]],
  ]);
  const STATES = /** @type {[number, string[]][]} */ ([
    [CHOICE, ["usageUnbilled"]],
    [CHOICE + 1, ["usageBilled"]],
    [CHOICE + 2, ["usageCredited"]],
  ]);

  /** Heading, what stands below it, and the column that is an amount. */
  const COLUMNS = /** @type {{ label: string, text?: (row: any) => string, money?: string, end?: boolean }[]} */ ([
    { label: "date", text: (row) => written(row, "cfl_date") },
    { label: "originator", text: (row) => row.cfl_originator },
    { label: "terminator", text: (row) => row.cfl_terminator },
    { label: "usageClass", text: (row) => chosen(CLASSES, row, "cfl_usageclass") },
    { label: "quantity", text: (row) => [written(row, "cfl_quantity"), row.cfl_unit].filter(Boolean).join(" "), end: true },
    { label: "service", text: (row) => row["_cfl_serviceid_value" + FORMATTED] },
    { label: "net", money: "cfl_net", end: true },
    { label: "tax", money: "cfl_tax", end: true },
    { label: "gross", money: "cfl_gross", end: true },
    { label: "status", text: (row) => chosen(STATES, row, "cfl_status") },
  ]);

  const UsageTable = {
    classes: CLASSES,
    states: STATES,

    /** What is read of a record. */
    columns: [
      "cfl_date",
      "cfl_originator",
      "cfl_terminator",
      "cfl_usageclass",
      "cfl_quantity",
      "cfl_unit",
      "cfl_serviceid",
      "cfl_net",
      "cfl_tax",
      "cfl_gross",
      "cfl_status",
    ],

    /**
     * Rows below those that are there, or instead of them.
     * @param {HTMLTableElement} table
     * @param {any[]} rows
     * @param {{ currency: any, style: any }} reader
     * @param {boolean} instead
     */
    fill: function (table, rows, reader, instead) {
      if (instead) {
        const head = document.createElement("thead");
        head.append(line("th", (column, cell) => Page.write(cell, [column.label])));
        table.replaceChildren(head, document.createElement("tbody"));
      }
      table.tBodies[0].append(
        ...rows.map((row) =>
          line("td", (column, cell) => {
            const text = column.money
              ? Money.format(Money.fromWire(row[column.money], reader.currency), reader.currency, reader.style)
              : column.text && column.text(row);
            const isolated = document.createElement("bdi");
            isolated.textContent = text || "";
            cell.append(isolated);
          }),
        ),
      );
    },
  };

  /** @param {"th" | "td"} kind @param {(column: any, cell: HTMLElement) => void} fill */
  function line(kind, fill) {
    const made = document.createElement("tr");
    made.append(
      ...COLUMNS.map((column) => {
        const cell = document.createElement(kind);
        if (kind === "th") cell.setAttribute("scope", "col");
        if (column.end) cell.className = "end";
        fill(column, cell);
        return cell;
      }),
    );
    return made;
  }

  /** As the CRM writes it for this user. @param {any} row @param {string} column @returns {string} */
  function written(row, column) {
    const value = row[column];
    return row[column + FORMATTED] || (value === null || value === undefined ? "" : String(value));
  }

  /** @param {[number, string[]][]} options @param {any} row @param {string} column @returns {string} */
  function chosen(options, row, column) {
    const option = options.find((each) => each[0] === row[column]);
    return option ? Page.text(option[1]) : written(row, column);
  }

  root.Counterfoil.UsageTable = UsageTable;
})(/** @type {any} */ (window));
