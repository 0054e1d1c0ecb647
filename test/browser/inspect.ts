/// <reference lib="dom" />

/**
 * What is wrong with the page as it is shown, one line each. Runs in the browser, so it can use nothing from outside of itself.
 *
 * @param smallest height in pixels that text in pictures must have.
 */
export function inspectPage(smallest: number): string[] {
  const found: string[] = [];
  const complain = (what: string, element: Element) =>
    found.push(`${what}: ${(element.textContent ?? '').trim().slice(0, 60) || element.outerHTML.slice(0, 120)}`);
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`page is ${root.scrollWidth} wide in ${root.clientWidth}`);

  const named = (element: Element) =>
    element.getAttribute('aria-hidden') === 'true' || Boolean(element.getAttribute('aria-label'));
  for (const svg of document.querySelectorAll('svg')) {
    const { width, height } = svg.getBoundingClientRect();
    if (!(width > 0 && height > 0)) complain('empty picture', svg);
    if (!named(svg)) complain('picture without a text alternative', svg);
    const scale = svg.getScreenCTM()?.a ?? 0;
    const box = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].filter((text) => text.textContent?.trim());
    const boxes = texts.map((text) => text.getBoundingClientRect());
    // The boxes of slanted labels overlap where the labels do not.
    const slanted = texts.map((text) => /rotate\((?!-?90\b)/.test(text.getAttribute('transform') ?? ''));
    for (const [i, text] of texts.entries()) {
      const size = Number.parseFloat(getComputedStyle(text).fontSize) * scale;
      if (size < smallest) complain(`text of ${size.toFixed(1)} pixels`, text);
      const { left, right, top, bottom } = boxes[i];
      if (left < box.left - 1 || right > box.right + 1 || top < box.top - 1 || bottom > box.bottom + 1) {
        complain('text cut off', text);
      }
      for (const [j, other] of boxes.slice(0, i).entries()) {
        const across = Math.min(right, other.right) - Math.max(left, other.left);
        const down = Math.min(bottom, other.bottom) - Math.max(top, other.top);
        // Boxes hold a line's leading, too.
        if (across > 1 && down > 4 && !slanted[i] && !slanted[j]) complain(`text over "${texts[j].textContent}"`, text);
      }
    }
  }
  for (const image of document.images) {
    if (!image.alt) complain('image without a text alternative', image);
    if (image.naturalWidth === 0) complain('image that cannot be shown', image);
    if (Math.abs(image.clientWidth - image.clientHeight) > 1) complain('matrix that is not square', image);
  }

  // Contrast by WCAG 2: relative luminances, 4.5 for text of usual size.
  type Color = [number, number, number, number];
  const parse = (text: string): Color => {
    const [r = 0, g = 0, b = 0, a = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a]: Color, below: Color): Color =>
    [r, g, b].map((v, k) => v * a + below[k] * (1 - a)).concat(1) as Color;
  const probe = document.createElement('div');
  probe.style.background = 'Canvas';
  document.body.append(probe);
  const canvas = parse(getComputedStyle(probe).backgroundColor);
  probe.remove();
  const ground = (element: Element | null): Color =>
    element ? over(parse(getComputedStyle(element).backgroundColor), ground(element.parentElement)) : canvas;
  const luminance = (color: Color) => {
    const [r, g, b] = color.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!element || !walker.currentNode.nodeValue?.trim()) continue;
    const style = getComputedStyle(element);
    const behind = ground(element);
    const color = over(parse(element.closest('svg') ? style.fill : style.color), behind);
    const [light, dark] = [luminance(color), luminance(behind)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) complain(`contrast ${contrast.toFixed(2)}`, element);
  }
  return found;
}
