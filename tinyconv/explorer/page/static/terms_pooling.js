"use strict";
// Pooling. Padding counts for nothing: it never is a maximum and never is part of an average.

/** The image's cells inside the window (p, q): [row, column] in row-major order. */
function windowCells(loaded, p, q) {
  const { operation, settings } = loaded;
  const [, height, width] = valueShape(operation.inputs[0]);
  const cells = [];
  everyPair(settings.size[0], settings.size[1], (i, j) => {
    const tap = tapCell(settings, height, width, p, q, i, j);
    if (tap) cells.push(tap);
  });
  return cells;
}

/** The windows that cover an image's cell: [p, q]. */
function windowsOver(loaded, row, column) {
  const { operation, settings } = loaded;
  const [, height, width] = valueShape(operation.output);
  const windows = [];
  everyPair(settings.size[0], settings.size[1], (i, j) => {
    const position = windowOver(settings, height, width, row, column, i, j);
    if (position) windows.push(position);
  });
  return windows;
}

/**
 * The cell that won a window, the first of the largest, and how many were equal to it. NaN counts as the largest. There is
 * no winner of a window that is left out of the page.
 */
function winnerOf(loaded, n, p, q, c) {
  let winner = null;
  let most = -Infinity;
  let ties = 0;
  for (const [row, column] of windowCells(loaded, p, q)) {
    const number = loaded.x[0] ? loaded.x[0].at([n, row, column, c]) : undefined;
    if (number === undefined) return { winner: null, most: undefined, ties: 0 };
    if (winner === null || number > most || (Number.isNaN(number) && !Number.isNaN(most))) {
      [winner, most, ties] = [[n, row, column, c], number, 0];
    } else if (number === most) {
      ties++;
    }
  }
  return { winner, most, ties };
}

kinds.max_pooling = {
  output(loaded, [n, p, q, c]) {
    const { winner, ties } = winnerOf(loaded, n, p, q, c);
    const terms = windowCells(loaded, p, q).map((tap) => {
      const made = term(inputFactor(loaded, 0, [n, ...tap, c]));
      made.won = sameCell([n, ...tap, c], winner);
      return made;
    });
    const tie = ties ? ` ${ties} more ${ties > 1 ? "are" : "is"} equal to it: of equals the first, in row-major order, wins.` : "";
    const note = winner ? `x${cellText(winner)} wins the window.${tie}` : "Who wins is not known here: these cells are left out of the page.";
    return { terms, join: "max", unknown: !winner, note, formula: "the largest of the window" };
  },

  input(loaded, place, cell) {
    const [n, row, column, c] = cell;
    const lost = [];
    const terms = windowsOver(loaded, row, column).map(([p, q]) => {
      const { winner, most } = winnerOf(loaded, n, p, q, c);
      if (!winner) return term(upstream(loaded, [n, p, q, c]), plain("won", undefined));
      const won = sameCell(winner, cell);
      if (!won) lost.push(`to x${cellText(winner)} = ${shortNumber(most)}`);
      const made = term(upstream(loaded, [n, p, q, c]), plain(won ? "won" : "lost", won ? 1 : 0));
      made.won = won;
      return made;
    });
    const own = shortNumber(loaded.x[0] ? loaded.x[0].at(cell) : undefined);
    const found = { terms, formula: "Σ dy over the windows that this cell won" };
    if (!terms.length) found.zero = "Zero: no window covers this cell, so nothing was computed from it.";
    else if (lost.length === terms.length) {
      found.zero = `Zero: x${cellText(cell)} = ${own} lost ${lost.join(" and ")}. Only the winner of a window was handed on.`;
    }
    found.note = lost.length && lost.length < terms.length ? `It lost ${lost.join(" and ")}.` : "";
    return found;
  },
};

kinds.average_pooling = {
  output(loaded, [n, p, q, c]) {
    const cells = windowCells(loaded, p, q);
    const share = plain("1/N", 1 / cells.length);
    const terms = cells.map((tap) => term(inputFactor(loaded, 0, [n, ...tap, c]), share));
    return { terms, formula: `Σ x/N with N = ${cells.length} cells of the window inside the image` };
  },

  input(loaded, place, [n, row, column, c]) {
    const terms = windowsOver(loaded, row, column).map(([p, q]) => {
      return term(upstream(loaded, [n, p, q, c]), plain("1/N", 1 / windowCells(loaded, p, q).length));
    });
    return { terms, formula: "Σ dy/N over the windows that cover the cell" };
  },
};

// The mean over the whole image; the output may keep the image's axes as 1 × 1.
kinds.global_average = {
  output(loaded, cell) {
    const [, height, width] = valueShape(loaded.operation.inputs[0]);
    const share = plain("1/N", 1 / (height * width));
    const terms = [];
    everyPair(height, width, (row, column) => {
      terms.push(term(inputFactor(loaded, 0, [cell[0], row, column, cell.at(-1)]), share));
    });
    return { terms, formula: `Σ x/N with N = ${height}·${width} = ${height * width}` };
  },

  input(loaded, place, [n, , , c]) {
    const [, height, width] = valueShape(loaded.operation.inputs[0]);
    const cell = valueShape(loaded.operation.output).length === 2 ? [n, c] : [n, 0, 0, c];
    const terms = [term(upstream(loaded, cell), plain("1/N", 1 / (height * width)))];
    return { terms, formula: `dy/N with N = ${height}·${width} = ${height * width}: all cells share alike` };
  },
};
