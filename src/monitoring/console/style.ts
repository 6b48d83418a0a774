/** The look of the console: paper and ink by day, slate by night; colour only where it means something. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f6f5f1; --card: #fffefb; --ink: #1e2a2f; --soft: #63707a; --line: #e2e0d8;
  --ok: #1c7a5f; --warn: #9a6200; --bad: #b3261e; --off: #6b7780;
  --ok-bg: #e3f1ea; --warn-bg: #fbeed3; --bad-bg: #fbe3e0;
  --c1: #2a6cb0; --c2: #8a55b0; --c3: #1c8468; --c4: #b7791f; --c5: #c2477f; --c6: #50708a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12181b; --card: #1a2226; --ink: #e4eaec; --soft: #94a3ab; --line: #2b363b;
    --ok: #5fd0a8; --warn: #f0b95a; --bad: #ff8d82; --off: #94a3ab;
    --ok-bg: #17322a; --warn-bg: #3a2d14; --bad-bg: #43201d;
    --c1: #6fb1f2; --c2: #c39ae6; --c3: #57c9a4; --c4: #e5b567; --c5: #ef8ebb; --c6: #9db8cc;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none; }
body { margin: 0 auto; max-width: 1180px; padding: 0 20px 32px; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1, h2, h3, p, ul, figure, table { margin: 0; padding: 0; }
ul { list-style: none; }
h1 { font-size: 19px; letter-spacing: .02em; }
h2 { font-size: 15px; }
h3 { font-size: 16px; text-transform: capitalize; }
a { color: inherit; }
.about { color: var(--soft); font-size: 13px; }
.top { display: flex; justify-content: space-between; align-items: baseline; padding: 18px 2px 12px; }
main { display: grid; gap: 16px; }

.verdict { border-radius: 12px; padding: 16px 20px; background: var(--card); border: 1px solid var(--line);
  border-left: 8px solid var(--off); }
.verdict p { font-size: 21px; font-weight: 600; line-height: 1.3; }
.verdict.ok { border-left-color: var(--ok); background: var(--ok-bg); }
.verdict.warn { border-left-color: var(--warn); background: var(--warn-bg); }
.verdict.bad { border-left-color: var(--bad); background: var(--bad-bg); }
.verdict ul:not(:empty) { margin-top: 8px; }
.verdict li { padding: 3px 0; }
.verdict li b { display: inline-block; margin-right: 10px; }
.verdict li b::before { content: "● "; color: var(--warn); }
.verdict li.bad b::before { color: var(--bad); }

.services { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); }
.card, .panel, .box { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 18px; min-width: 0; }
.card { border-top: 3px solid var(--off); }
.card.ingester { border-top-color: var(--c1); }
.card.backfiller { border-top-color: var(--c2); }
.card.indexer { border-top-color: var(--c3); }
.card header, .line { display: flex; justify-content: space-between; align-items: baseline; gap: 12px; }
.state { font-size: 13px; font-weight: 600; white-space: nowrap; color: var(--off); }
.state::before { content: "● "; }
.state.ok { color: var(--ok); }
.state.warn { color: var(--warn); }
.state.bad { color: var(--bad); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.card table { margin-top: 8px; font-size: 14px; }
.card td { padding: 2px 0; vertical-align: baseline; }
.card td.total, .card td.rate { text-align: right; white-space: nowrap; padding-left: 12px; }
.card td.rate { color: var(--soft); min-width: 76px; }
.card tr.trouble td { color: var(--bad); font-weight: 600; }

.panels { display: grid; gap: 16px; grid-template-columns: repeat(2, minmax(0, 1fr)); }
.panel figcaption { display: flex; gap: 10px; align-items: baseline; margin-bottom: 8px; }
.panel .at { margin-left: auto; }
.plot { height: 170px; touch-action: pan-y; }
.plot svg { display: block; overflow: visible; }
.plot text { fill: var(--soft); font-size: 11px; paint-order: stroke; stroke: var(--card); stroke-width: 3px; }
.grid { stroke: var(--line); }
.pointer { stroke: var(--soft); stroke-dasharray: 2 3; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.bar { fill: none; stroke-width: 3; }
.c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); }
.c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); } .c6 { stroke: var(--c6); }
.legend { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 2px 16px; margin-top: 8px; font-size: 13px; }
.legend li { display: flex; align-items: baseline; gap: 8px; min-width: 0; }
.legend svg { flex: none; }
.legend b { margin-left: auto; font-variant-numeric: tabular-nums; white-space: nowrap; }

.rows li { padding: 9px 0; border-top: 1px solid var(--line); }
.rows li:first-child { border-top: 0; }
.rows .line { justify-content: flex-start; flex-wrap: wrap; }
.rows .error { font-size: 13px; color: var(--soft); }
.rows .error.warn { color: var(--warn); }
.rows .none { color: var(--soft); }
.streams { margin-top: 6px; }
.streams th, .streams td { padding: 7px 8px 7px 0; border-top: 1px solid var(--line); text-align: right; font-weight: 400; }
.streams thead th { border-top: 0; color: var(--soft); font-size: 13px; }
.streams th:first-child { text-align: left; }
.streams tbody th { font-weight: 600; }
.streams th.mark, .streams .mark { width: 30%; padding-left: 20px; text-align: left; }
.streams .mark span { color: var(--soft); font-size: 13px; }
.meter { height: 6px; border-radius: 3px; background: var(--line); overflow: hidden; }
.meter i { display: block; height: 100%; background: var(--c3); min-width: 2px; }
.meter i.full { background: var(--bad); }
footer { padding: 18px 2px 0; }

@media (max-width: 720px) {
  body { padding: 0 12px 24px; }
  .panels { grid-template-columns: minmax(0, 1fr); }
  .card, .panel, .box { padding: 12px 14px; }
  .verdict p { font-size: 19px; }
  .streams thead { display: none; }
  .streams tr { display: grid; grid-template-columns: repeat(4, auto); gap: 0 10px; padding: 10px 0; border-top: 1px solid var(--line); }
  .streams tr:first-child { border-top: 0; }
  .streams th, .streams td { border: 0; padding: 2px 0; text-align: left; }
  .streams tbody th, .streams .mark { grid-column: 1 / -1; width: auto; padding-left: 0; }
  .figure::before { content: attr(data-label); display: block; color: var(--soft); font-size: 12px; }
}
`
