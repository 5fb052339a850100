"""How report.html looks, in light and in dark."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #fbfaf8; --card: #ffffff; --ink: #1f2328; --quiet: #656d76; --rule: #e2e0dc; --curve: #1f6feb;
}
@media (prefers-color-scheme: dark) {
  :root { --page: #15171a; --card: #1e2125; --ink: #e6e4e0; --quiet: #9aa0a6; --rule: #33373c; --curve:
  #6ea8ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0; }
h2 { font-size: 17px; margin: 36px 0 12px; }
p, figcaption, summary { color: var(--quiet); }
p { margin: 4px 0 0; }
details { margin-top: 12px; }
summary { cursor: pointer; margin-bottom: 8px; }
img { display: block; width: 100%; height: auto; border-radius: 6px; }
.tiles, .charts { display: grid; gap: 12px; align-items: start; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); margin-top: 20px; }
.charts { grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); }
.tables { columns: 3 300px; column-gap: 12px; }
.alarm { background: #b42318; border-radius: 8px; padding: 4px 14px; margin-top: 20px; }
.alarm p { color: #ffffff; font-weight: 600; overflow-wrap: anywhere; }
.tile, .card, .chart, pre {
  background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px 14px; margin: 0;
}
.tile b { display: block; font-size: 22px; font-weight: 600; }
.tile span { color: var(--quiet); font-size: 13px; }
.card { break-inside: avoid; margin-bottom: 12px; }
.frames { display: grid; gap: 10px; }
.heads { display: grid; grid-template-columns: repeat(3, 1fr); color: var(--quiet); font-size: 13px; }
.chart figcaption { display: flex; justify-content: space-between; font-size: 13px; }
.chart b { color: var(--ink); font-weight: 600; }
.chart svg { display: block; width: 100%; }
.chart text { font-size: 10px; fill: var(--quiet); }
.chart .grid { stroke: var(--rule); }
.chart polyline { fill: none; stroke: var(--curve); stroke-width: 1.6; stroke-linejoin: round; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; font-weight: 600; padding-bottom: 6px; }
td { padding: 3px 0; border-top: 1px solid var(--rule); }
td + td { text-align: right; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.5 ui-monospace, monospace; }
""".strip()
