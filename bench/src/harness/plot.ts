import { type Plot } from './part';
import { digits } from './tables';

const [WIDTH, LABELS, BAR, GAP, HEAD] = [860, 300, 16, 6, 34];
const VALUES = 90;

/** All plots below each other, as one picture that is readable on light and on dark pages. */
export function svg(plots: readonly Plot[]): string {
  let top = 0;
  const drawn = plots.map((plot) => {
    const group = `<g transform="translate(0 ${top})">${bars(plot)}</g>`;
    top += HEAD + plot.bars.length * (BAR + GAP) + 14;
    return group;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${top}" viewBox="0 0 ${WIDTH} ${top}" role="img" font-family="system-ui, sans-serif" font-size="12">
<title>${escaped(plots.map(({ title }) => title).join('; '))}</title>
<style>text{fill:#1f2328}.ours{fill:#0a7d55}.peer{fill:#8c959f}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#2fbf8a}.peer{fill:#6e7681}}</style>
${drawn.join('\n')}
</svg>
`;
}

function bars({ title, unit, logarithmic = false, bars }: Plot): string {
  const values = bars.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = WIDTH - LABELS - VALUES;
  // The shortest bar of a logarithmic plot is still one.
  const length = (value: number): number =>
    room * (logarithmic ? Math.log(value / (least / 2)) / Math.log(most / (least / 2)) : value / most);
  const lines = bars.map(({ label, value, ours = false }, index) => {
    const y = HEAD + index * (BAR + GAP);
    const end = LABELS + length(value);
    return (
      `<text x="${LABELS - 8}" y="${y + 12}" text-anchor="end">${escaped(label)}</text>` +
      `<rect class="${ours ? 'ours' : 'peer'}" x="${LABELS}" y="${y}" width="${(end - LABELS).toFixed(1)}" height="${BAR}" rx="2"/>` +
      `<text x="${(end + 6).toFixed(1)}" y="${y + 12}">${digits(value)} ${escaped(unit)}</text>`
    );
  });
  const scale = logarithmic ? ', logarithmic' : '';
  return `<text x="0" y="18" font-weight="600" font-size="14">${escaped(title)} (${escaped(unit)}${scale})</text>${lines.join('')}`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
