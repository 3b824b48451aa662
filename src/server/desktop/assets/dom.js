// Small helpers to build the page. Nothing here takes HTML: what people and customers wrote only ever becomes a text
// node or an attribute value, so no transcript can bring markup or script of its own.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    } else if (name === "data") {
      for (const [key, text] of Object.entries(value)) node.dataset[key] = text;
    } else if (name === "text") {
      node.textContent = value;
    } else if (name === "value") {
      node.value = value;
    } else {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** An element with attributes and children; strings become text. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** An SVG element. */
export function svg(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

/** Shows these children and no others. */
export function put(node, ...children) {
  node.replaceChildren();
  append(node, children);
  return node;
}

/**
 * Shows what is drawn, unless it stands there already: what somebody has selected, opened or is about to press is left
 * alone while nothing changed.
 */
export function putNew(node, stamp, draw) {
  if (node.dataset.stamp === stamp) return;
  node.dataset.stamp = stamp;
  const action = node.contains(document.activeElement) ? document.activeElement.dataset.action : null;
  put(node, draw());
  if (action) node.querySelector(`[data-action="${CSS.escape(action)}"]`)?.focus();
}

/** Forgets what is shown: of another conversation nothing may stay. */
export function wipe(node) {
  delete node.dataset.stamp;
  node.replaceChildren();
}

export const $ = (id) => document.getElementById(id);

/** Only touches the page where the text differs, so that screen readers are not told the same twice. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Keeps the children of a container in step with a list. Nodes are made once a key and kept, so that focus, scroll
 * place and what is being typed survive every update. `stamp` tells when an item has to be drawn again.
 */
export function keyed(container, items, key, stamp, draw) {
  const known = new Map();
  for (const node of [...container.children]) {
    if (node.dataset.key !== undefined) known.set(node.dataset.key, node);
    else node.remove();
  }
  let place = container.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    const version = String(stamp(item));
    let node = known.get(name);
    known.delete(name);
    const focused = node?.contains(document.activeElement) ? document.activeElement : null;
    let isNew = false;
    if (!node || node.dataset.stamp !== version) {
      const drawn = draw(item);
      drawn.dataset.key = name;
      drawn.dataset.stamp = version;
      if (node) {
        if (node === place) place = drawn;
        node.replaceWith(drawn);
      }
      node = drawn;
      isNew = true;
    }
    if (node === place) place = place.nextElementSibling;
    else container.insertBefore(node, place);
    // What is moved loses the focus; so it is given back last.
    if (focused && isNew) refocus(node, focused.dataset.action);
    else if (focused && focused !== document.activeElement) focused.focus();
  }
  for (const node of known.values()) {
    if (node.contains(document.activeElement)) focusBeside(container, node);
    node.remove();
  }
}

function refocus(node, action) {
  const same = action && node.querySelector(`[data-action="${CSS.escape(action)}"]`);
  (same || focusable(node) || node.querySelector("button"))?.focus();
}

// The item itself, or what stands for it inside.
const focusable = (node) => (node?.hasAttribute("tabindex") ? node : node?.querySelector("[tabindex]"));

// Whoever works with the keyboard is not thrown to the top of the page when a card goes away.
function focusBeside(container, gone) {
  const next = focusable(gone.nextElementSibling) || focusable(gone.previousElementSibling);
  (next || container.closest("[tabindex]"))?.focus();
}

const ICONS = {
  check: "M4.5 10.5l3.5 3.5 7.5-8",
  close: "M5.5 5.5l9 9m0-9l-9 9",
  edit: "M4.5 15.5l.7-3 7.6-7.6a1.4 1.4 0 0 1 2 0l.3.3a1.4 1.4 0 0 1 0 2l-7.6 7.6z",
  play: "M7 5l8 5-8 5z",
  pen: "M4.5 15.5l.7-3 7.6-7.6a1.4 1.4 0 0 1 2 0l.3.3a1.4 1.4 0 0 1 0 2l-7.6 7.6z",
  moon: "M15.5 12A6 6 0 0 1 8 4.5a6 6 0 1 0 7.500 7.500z",
  sun: "M10 6.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7M10 2.500v1.300M10 16.200v1.300M2.500 10h1.300M16.200 10h1.300M4.700 4.700l.9.9M14.400 14.400l.9.9M4.700 15.300l.9-.9M14.400 5.600l.9-.9",
  auto: "M10 3a7 7 0 1 1 0 14a7 7 0 0 1 0-14M10 3v14M10 6l5 0M10 10h6.500M10 14h5",
  keys: "M3 6h14v8.500H3zM5.500 8.700h.6M8.300 8.700h.6M11.100 8.700h.6M13.900 8.700h.6M6.500 12h7",
  voice: "M5.500 3.500h2.300l1.200 3-1.500 1.200a9 9 0 0 0 4.800 4.800l1.200-1.500 3 1.200v2.300a1.500 1.500 0 0 1-1.600 1.500A12 12 0 0 1 4 5.100a1.500 1.500 0 0 1 1.500-1.600z",
  chat: "M3.500 5.500a1.500 1.500 0 0 1 1.500-1.500h10a1.500 1.500 0 0 1 1.500 1.500v6a1.500 1.500 0 0 1-1.500 1.500H9l-3.500 3v-3H5a1.500 1.500 0 0 1-1.500-1.500z",
  email: "M3 5.500h14v9H3zM3.300 6l6.700 5 6.700-5",
  down: "M10 4.500v10M5.500 10.500l4.500 4.500 4.500-4.500",
  chart: "M4 15.500V9M8 15.500V5M12 15.500v-4M16 15.500V7",
  dot: "M10 7a3 3 0 1 1 0 6a3 3 0 0 1 0-6",
  ring: "M10 5a5 5 0 1 1 0 10a5 5 0 0 1 0-10",
  alert: "M10 3.500l7 12.500H3zM10 8.300v3.500M10 13.900v.1",
  skip: "M6 10h8",
  copy: "M7.500 7.500V5a1 1 0 0 1 1-1H15a1 1 0 0 1 1 1v6.500a1 1 0 0 1-1 1h-2.500M5 7.500h6.500a1 1 0 0 1 1 1V15a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V8.500a1 1 0 0 1 1-1z",
};

/** A drawing beside words; it never carries meaning alone. */
export function icon(name) {
  return svg(
    "svg",
    { class: `icon icon-${name}`, viewBox: "0 0 20 20", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: ICONS[name] || ICONS.dot }),
  );
}

/** A button with an icon, words, and a name for the tests and for focus. */
export function button(action, words, options = {}) {
  return h(
    "button",
    {
      type: "button",
      class: options.class || "button",
      "data-action": action,
      "aria-label": options.label,
      title: options.title,
      "aria-keyshortcuts": options.key,
      disabled: options.disabled,
      on: { click: options.press },
    },
    options.icon && icon(options.icon),
    words && h("span", { class: options.icon_only ? "hidden" : null }, words),
    options.key && h("kbd", { "aria-hidden": "true" }, options.key.toUpperCase()),
  );
}
