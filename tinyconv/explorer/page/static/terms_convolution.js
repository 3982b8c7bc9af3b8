"use strict";
// Convolution, depthwise and transposed convolution: sums over the window's taps.
//
// With strides s, dilation d and padding (top, left), tap (i, j) of the window at (p, q) lies on the image's cell
//     (p·s_h + i·d_h − top, q·s_w + j·d_w − left),
// and on padding, where the image counts as 0, if that is outside.

/** The image's cell under a tap: [row, column], or null on padding. */
function tapCell(settings, height, width, p, q, i, j) {
  const { strides, dilation = [1, 1], pads = [0, 0] } = settings;
  const row = p * strides[0] + i * dilation[0] - pads[0];
  const column = q * strides[1] + j * dilation[1] - pads[1];
  return row >= 0 && row < height && column >= 0 && column < width ? [row, column] : null;
}

/** The window (p, q) whose tap (i, j) lies on the image's cell, or null when there is none. */
function windowOver(settings, height, width, row, column, i, j) {
  const { strides, dilation = [1, 1], pads = [0, 0] } = settings;
  const p = (row + pads[0] - i * dilation[0]) / strides[0];
  const q = (column + pads[1] - j * dilation[1]) / strides[1];
  const whole = Number.isInteger(p) && Number.isInteger(q);
  return whole && p >= 0 && p < height && q >= 0 && q < width ? [p, q] : null;
}

/** Call a function for every pair (i, j) below two lengths. */
function everyPair(height, width, visit) {
  for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) visit(i, j);
}

/** The bias of an output channel as a term, if the operation has a bias. */
function biasTerms(loaded, channel) {
  return loaded.operation.inputs.length > 2 ? [term(inputFactor(loaded, 2, [channel]))] : [];
}

/** db[k]: the sum of dy over all positions of all samples. */
function biasGradient(loaded, channel) {
  const shape = valueShape(loaded.operation.output).slice(0, -1);
  const terms = [];
  for (let place = 0; place < sizeOf(shape); place++) terms.push(term(upstream(loaded, [...cellAt(place, shape), channel])));
  return { terms, formula: "Σ dy over every position: the bias was added at each of them" };
}

function valueShape(number) {
  return manifest.values[number].shape;
}

function paddingNote(count) {
  return count ? `${count} of the window's taps lie on padding and count as 0.` : "";
}

kinds.convolution = {
  output(loaded, [n, p, q, k]) {
    const { operation, settings } = loaded;
    const [, height, width] = valueShape(operation.inputs[0]);
    const [kernelHeight, kernelWidth, channels, outputs] = valueShape(operation.inputs[1]);
    const first = channels * Math.floor(k / (outputs / (settings.groups || 1))); // of the group's input channels
    const terms = [];
    let padding = 0;
    everyPair(kernelHeight, kernelWidth, (i, j) => {
      const tap = tapCell(settings, height, width, p, q, i, j);
      if (!tap) return void padding++;
      for (let c = 0; c < channels; c++) {
        terms.push(term(inputFactor(loaded, 0, [n, ...tap, first + c]), inputFactor(loaded, 1, [i, j, c, k])));
      }
    });
    terms.push(...biasTerms(loaded, k));
    return { terms, note: paddingNote(padding), formula: "Σ x·w over the window" + (operation.inputs.length > 2 ? " + b" : "") };
  },

  input(loaded, place, cell) {
    if (place === 0) return convolutionImage(loaded, cell);
    return place === 1 ? convolutionKernel(loaded, cell) : biasGradient(loaded, cell[0]);
  },
};

/** dx: every window that covers the cell hands back dy times the weight that the cell was multiplied by. */
function convolutionImage(loaded, [n, row, column, c]) {
  const { operation, settings } = loaded;
  const [, height, width] = valueShape(operation.output);
  const [kernelHeight, kernelWidth, channels, outputs] = valueShape(operation.inputs[1]);
  const perGroup = outputs / (settings.groups || 1);
  const group = Math.floor(c / channels);
  const terms = [];
  everyPair(kernelHeight, kernelWidth, (i, j) => {
    const position = windowOver(settings, height, width, row, column, i, j);
    if (!position) return;
    for (let k = group * perGroup; k < (group + 1) * perGroup; k++) {
      terms.push(term(upstream(loaded, [n, ...position, k]), inputFactor(loaded, 1, [i, j, c - group * channels, k])));
    }
  });
  return { terms, formula: "Σ dy·w over the windows that cover the cell" };
}

/** dw: the weight was used at every position, and hears from all of them. */
function convolutionKernel(loaded, [i, j, c, k]) {
  const { operation, settings } = loaded;
  const [samples, height, width] = valueShape(operation.output);
  const [, imageHeight, imageWidth] = valueShape(operation.inputs[0]);
  const [, , channels, outputs] = valueShape(operation.inputs[1]);
  const first = channels * Math.floor(k / (outputs / (settings.groups || 1)));
  const terms = [];
  let padding = 0;
  for (let n = 0; n < samples; n++) {
    everyPair(height, width, (p, q) => {
      const tap = tapCell(settings, imageHeight, imageWidth, p, q, i, j);
      if (!tap) return void padding++;
      terms.push(term(inputFactor(loaded, 0, [n, ...tap, first + c]), upstream(loaded, [n, p, q, k])));
    });
  }
  const note = padding ? `At ${padding} positions the weight met padding, which counts as 0.` : "";
  return { terms, note, formula: "Σ x·dy over every position that the weight touched" };
}

// Depthwise: channel c has kernels t = 0 … m − 1 of its own, and makes the output channels c·m + t.
kinds.depthwise = {
  output(loaded, [n, p, q, k]) {
    const { operation, settings } = loaded;
    const [, height, width] = valueShape(operation.inputs[0]);
    const [kernelHeight, kernelWidth, , multiplier] = valueShape(operation.inputs[1]);
    const [c, t] = [Math.floor(k / multiplier), k % multiplier];
    const terms = [];
    let padding = 0;
    everyPair(kernelHeight, kernelWidth, (i, j) => {
      const tap = tapCell(settings, height, width, p, q, i, j);
      if (!tap) return void padding++;
      terms.push(term(inputFactor(loaded, 0, [n, ...tap, c]), inputFactor(loaded, 1, [i, j, c, t])));
    });
    terms.push(...biasTerms(loaded, k));
    return { terms, note: paddingNote(padding), formula: "Σ x·w over the window, in its own channel alone" };
  },

  input(loaded, place, cell) {
    if (place === 2) return biasGradient(loaded, cell[0]);
    return place === 0 ? depthwiseImage(loaded, cell) : depthwiseKernel(loaded, cell);
  },
};

function depthwiseImage(loaded, [n, row, column, c]) {
  const { operation, settings } = loaded;
  const [, height, width] = valueShape(operation.output);
  const [kernelHeight, kernelWidth, , multiplier] = valueShape(operation.inputs[1]);
  const terms = [];
  everyPair(kernelHeight, kernelWidth, (i, j) => {
    const position = windowOver(settings, height, width, row, column, i, j);
    if (!position) return;
    for (let t = 0; t < multiplier; t++) {
      terms.push(term(upstream(loaded, [n, ...position, c * multiplier + t]), inputFactor(loaded, 1, [i, j, c, t])));
    }
  });
  return { terms, formula: "Σ dy·w over the windows that cover the cell, in its own channel alone" };
}

function depthwiseKernel(loaded, [i, j, c, t]) {
  const { operation, settings } = loaded;
  const [samples, height, width] = valueShape(operation.output);
  const [, imageHeight, imageWidth] = valueShape(operation.inputs[0]);
  const multiplier = valueShape(operation.inputs[1])[3];
  const terms = [];
  for (let n = 0; n < samples; n++) {
    everyPair(height, width, (p, q) => {
      const tap = tapCell(settings, imageHeight, imageWidth, p, q, i, j);
      if (!tap) return;
      terms.push(term(inputFactor(loaded, 0, [n, ...tap, c]), upstream(loaded, [n, p, q, c * multiplier + t])));
    });
  }
  return { terms, formula: "Σ x·dy over every position that the weight touched" };
}

// Transposed: each cell of x is spread over a window of y. The roles of image and windows are exchanged; the kernel is
// (kh,kw,k,c), and pads say what is cropped from the top and the left.
kinds.transposed = {
  output(loaded, [n, row, column, k]) {
    const { operation, settings } = loaded;
    const [, height, width, channels] = valueShape(operation.inputs[0]);
    const [kernelHeight, kernelWidth] = valueShape(operation.inputs[1]);
    const terms = [];
    everyPair(kernelHeight, kernelWidth, (i, j) => {
      const position = windowOver(settings, height, width, row, column, i, j);
      if (!position) return;
      for (let c = 0; c < channels; c++) {
        terms.push(term(inputFactor(loaded, 0, [n, ...position, c]), inputFactor(loaded, 1, [i, j, k, c])));
      }
    });
    terms.push(...biasTerms(loaded, k));
    return { terms, formula: "Σ x·w over the cells of x whose window covers this one" };
  },

  input(loaded, place, cell) {
    if (place === 2) return biasGradient(loaded, cell[0]);
    return place === 0 ? transposedImage(loaded, cell) : transposedKernel(loaded, cell);
  },
};

function transposedImage(loaded, [n, p, q, c]) {
  const { operation, settings } = loaded;
  const [, height, width] = valueShape(operation.output);
  const [kernelHeight, kernelWidth, outputs] = valueShape(operation.inputs[1]);
  const terms = [];
  everyPair(kernelHeight, kernelWidth, (i, j) => {
    const tap = tapCell(settings, height, width, p, q, i, j);
    if (!tap) return;
    for (let k = 0; k < outputs; k++) {
      terms.push(term(upstream(loaded, [n, ...tap, k]), inputFactor(loaded, 1, [i, j, k, c])));
    }
  });
  return { terms, formula: "Σ dy·w over the window that this cell was spread over" };
}

function transposedKernel(loaded, [i, j, k, c]) {
  const { operation, settings } = loaded;
  const [samples, height, width] = valueShape(operation.inputs[0]);
  const [, outHeight, outWidth] = valueShape(operation.output);
  const terms = [];
  for (let n = 0; n < samples; n++) {
    everyPair(height, width, (p, q) => {
      const tap = tapCell(settings, outHeight, outWidth, p, q, i, j);
      if (!tap) return;
      terms.push(term(inputFactor(loaded, 0, [n, p, q, c]), upstream(loaded, [n, ...tap, k])));
    });
  }
  return { terms, formula: "Σ x·dy over every position that the weight touched" };
}
