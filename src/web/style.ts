/** The look of the pages. Both themes have at least 4.5:1 between text and ground, ANSI colours included. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --text: #1f2328; --muted: #59636e; --line: #d1d9e0; --ground: #fff; --raised: #f6f8fa; --sunken: #f6f8fa;
  --link: #0550ae; --accent: #0550ae; --on-accent: #fff; --mark: #fff3a3;
  --green: #116329; --red: #b3141d; --amber: #7d4e00; --blue: #0550ae;
  --green-soft: #dafbe1; --red-soft: #ffebe9; --amber-soft: #fff8c5; --blue-soft: #ddf4ff; --grey-soft: #eaeef2;
  --magenta: #6f2da8; --cyan: #0a5c66; --row: 1.25rem;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #f0f6fc; --muted: #9ea7b3; --line: #3d444d; --ground: #0d1117; --raised: #151b23; --sunken: #010409;
    --link: #79b8ff; --accent: #1f6feb; --on-accent: #fff; --mark: #6b5400;
    --green: #56d364; --red: #ff8a80; --amber: #e3b341; --blue: #79b8ff;
    --green-soft: #12361f; --red-soft: #4a1719; --amber-soft: #3b2e06; --blue-soft: #12284a; --grey-soft: #262c36;
    --magenta: #d2a8ff; --cyan: #76e3ea;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--text); background: var(--ground); }
a { color: var(--link); text-underline-offset: 0.15em; }
a:not(:hover) { text-decoration-color: color-mix(in srgb, currentcolor 40%, transparent); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.125rem; margin: 2.25rem 0 0.75rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 0.5rem; }
p { margin: 0.5rem 0; }
code, pre, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.8125rem; }
code { overflow-wrap: anywhere; }
.muted { color: var(--muted); }
.small { font-size: 0.8125rem; }
.nowrap { white-space: nowrap; }
.hidden-text { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 0.5rem; top: -4rem; z-index: 9; padding: 0.5rem 0.75rem; background: var(--accent); color: var(--on-accent); }
.skip:focus { top: 0.5rem; }

.top { border-bottom: 1px solid var(--line); background: var(--raised); }
.top nav, main { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
.top nav { display: flex; flex-wrap: wrap; align-items: center; gap: 0 0.5rem; min-height: 3rem; }
.top a { text-decoration: none; padding: 0.5rem 0; overflow-wrap: anywhere; }
.top a:hover { text-decoration: underline; }
.top .brand { font-weight: 650; color: var(--text); display: inline-flex; align-items: center; gap: 0.5rem; }
.top .brand svg { width: 20px; height: 20px; }
.top .step::before { content: "/"; color: var(--muted); padding-right: 0.5rem; }
main { padding-top: 1.5rem; padding-bottom: 4rem; }
.tabs { display: flex; flex-wrap: wrap; gap: 0 1.25rem; margin: 1rem 0 1.5rem; border-bottom: 1px solid var(--line); }
.tabs a { padding: 0.5rem 0; text-decoration: none; color: var(--text); border-bottom: 2px solid transparent; margin-bottom: -1px; }
.tabs a:hover { border-color: var(--line); }
.tabs a[aria-current] { border-color: var(--accent); font-weight: 600; }

.note { border: 1px solid var(--line); border-left: 4px solid var(--blue); border-radius: 6px; background: var(--raised); padding: 0.625rem 0.875rem; margin: 0 0 1rem; overflow-wrap: anywhere; }
.note.ok { border-left-color: var(--green); }
.note.bad { border-left-color: var(--red); }
.note p:first-child { margin-top: 0; } .note p:last-child { margin-bottom: 0; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 0.875rem 1rem; margin: 0.75rem 0; overflow-wrap: anywhere; }
.card > :first-child { margin-top: 0; } .card > :last-child { margin-bottom: 0; }

.icon { flex: none; vertical-align: -0.15em; fill: none; stroke: currentcolor; stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }
.passed { color: var(--green); } .failed { color: var(--red); } .running { color: var(--amber); } .waiting { color: var(--blue); }
.icon.muted { color: var(--muted); }
.state { display: inline-flex; align-items: center; gap: 0.375rem; white-space: nowrap; }
.pill { display: inline-block; padding: 0 0.5rem; border-radius: 1rem; font-size: 0.75rem; line-height: 1.25rem; background: var(--grey-soft); color: var(--text); white-space: nowrap; }
.pill.red { background: var(--red-soft); } .pill.amber { background: var(--amber-soft); } .pill.green { background: var(--green-soft); } .pill.blue { background: var(--blue-soft); }
.icon.running circle { stroke-dasharray: 34 12; animation: turn 1.6s linear infinite; transform-origin: center; }
@keyframes turn { to { transform: rotate(360deg); } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; scroll-behavior: auto !important; } }

.verdict { display: grid; grid-template-columns: auto 1fr; gap: 0 0.75rem; align-items: start; border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin-top: 1rem; min-height: 5.75rem; border-left-width: 6px; }
.verdict.is-passed { border-left-color: var(--green); } .verdict.is-failed { border-left-color: var(--red); }
.verdict.is-running { border-left-color: var(--amber); } .verdict.is-waiting { border-left-color: var(--blue); }
.verdict > .icon { width: 28px; height: 28px; margin-top: 1px; }
.verdict .title { font-size: 1.25rem; font-weight: 650; line-height: 1.5; margin: 0; overflow-wrap: anywhere; }
.verdict .body { grid-column: 2; min-width: 0; }
.verdict .body p { overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 0.125rem 1rem; margin: 0.25rem 0 0; padding: 0; list-style: none; color: var(--muted); font-size: 0.875rem; overflow-wrap: anywhere; }
.facts li { min-width: 0; }
.page-title { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: baseline; margin-bottom: 0.25rem; }
.page-title h1 { flex: 1 1 20rem; min-width: 0; }
.actions { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; margin: 1rem 0; min-height: 2.25rem; }
.actions form { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; margin: 0; }

button, .button { font: inherit; font-size: 0.875rem; font-weight: 500; line-height: 1.25rem; padding: 0.4375rem 0.875rem; border: 1px solid var(--line); border-radius: 6px; background: var(--raised); color: var(--text); cursor: pointer; text-decoration: none; display: inline-block; }
button:hover, .button:hover { border-color: var(--muted); }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.danger { color: var(--red); }
button.plain { background: none; border-color: transparent; color: var(--link); padding-inline: 0.25rem; text-decoration: underline; }
button:disabled { opacity: 0.6; cursor: default; }
input.mono { width: 100%; max-width: 60rem; }
input, select, textarea { font: inherit; font-size: 0.875rem; color: var(--text); background: var(--ground); border: 1px solid var(--muted); border-radius: 6px; padding: 0.375rem 0.5rem; max-width: 100%; }
input[type=checkbox] { width: 1.125rem; height: 1.125rem; margin: 0; vertical-align: -0.2em; accent-color: var(--accent); }
textarea { width: 100%; font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.8125rem; resize: vertical; }
[aria-invalid=true] { border-color: var(--red); border-width: 2px; }
label { font-weight: 500; }
.check { display: inline-flex; gap: 0.5rem; align-items: center; font-weight: 400; font-size: 0.875rem; min-height: 1.75rem; }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.5rem 0.75rem 0.5rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-size: 0.8125rem; font-weight: 500; color: var(--muted); white-space: nowrap; }
td:last-child, th:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); font-size: 0.8125rem; padding-bottom: 0.25rem; }

.stages { list-style: none; margin: 1rem 0 0; padding: 0; border: 1px solid var(--line); border-radius: 8px; }
.stages li { display: grid; grid-template-columns: 16px 5rem minmax(4rem, 1fr) minmax(6rem, 14rem) 6.5rem; gap: 0 0.75rem; align-items: center; padding: 0.5rem 1rem; min-height: 2.5rem; }
.stages li + li { border-top: 1px solid var(--line); }
.stages .name { font-weight: 600; }
.stages .summary { color: var(--muted); font-size: 0.875rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.bar { display: block; width: 100%; height: 8px; border-radius: 4px; background: var(--grey-soft); overflow: hidden; }
.bar rect { fill: var(--muted); } .bar.passed rect { fill: var(--green); } .bar.failed rect { fill: var(--red); } .bar.running rect { fill: var(--amber); }

.logs > details, .fold { border: 1px solid var(--line); border-radius: 8px; margin: 0.5rem 0; }
.logs > details > summary, .fold > summary { display: flex; gap: 0.75rem; align-items: center; padding: 0.5rem 1rem; min-height: 2.5rem; cursor: pointer; border-radius: 8px; list-style-position: inside; }
.logs > details > summary:hover, .fold > summary:hover { background: var(--raised); }
summary .chevron { flex: none; width: 10px; height: 10px; fill: none; stroke: var(--muted); stroke-width: 2; transition: transform 0.1s; }
details[open] > summary .chevron { transform: rotate(90deg); }
summary::-webkit-details-marker { display: none; }
.logs summary .name { font-weight: 600; } .logs summary .summary { flex: 1; min-width: 0; color: var(--muted); font-size: 0.875rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.log-tools { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; padding: 0.5rem 1rem; border-top: 1px solid var(--line); min-height: 3.25rem; }
.log-tools form { display: flex; gap: 0.5rem; flex: 1 1 16rem; align-items: center; margin: 0; min-width: 0; }
.log-tools input[type=search] { flex: 1 1 8rem; min-width: 0; }
.log-tools .found { min-width: 6.5rem; font-size: 0.8125rem; color: var(--muted); }
.needs-script { visibility: hidden; } .scripted .needs-script { visibility: visible; }
.log { margin: 0; border-top: 1px solid var(--line); border-radius: 0 0 8px 8px; background: var(--sunken); overflow: auto; max-height: 32rem; overflow-anchor: none; position: relative; font: 0.75rem/1.25rem ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; tab-size: 4; contain: content; padding: 0; }
.log.is-live { height: 24rem; }
.log.is-long { height: 32rem; }
.log .line { display: flex; height: var(--row); white-space: pre; min-width: max-content; padding-right: 1rem; }
.log .line a { flex: none; width: 5.5rem; padding-right: 1rem; text-align: right; color: var(--muted); text-decoration: none; user-select: none; font-variant-numeric: tabular-nums; }
.log .line a:hover { color: var(--link); text-decoration: underline; }
.log .line a:focus-visible { outline-offset: -2px; }
.log .line:hover { background: var(--grey-soft); }
.log .line.at, .log .line:target { background: var(--amber-soft); }
.log .line.at a, .log .line:target a { color: var(--text); font-weight: 700; }
.log .line.unread { color: var(--muted); }
.log .space { position: relative; min-width: max-content; } .log .window { position: absolute; left: 0; right: 0; top: 0; min-width: max-content; }
.log .empty { display: block; padding: 0.5rem 1rem; color: var(--muted); }
.log mark { background: var(--mark); color: inherit; border-radius: 2px; }
.lost { position: sticky; top: 0; z-index: 5; }
.lost p { margin: 0; position: absolute; right: 0; top: 0.5rem; padding: 0.375rem 0.75rem; border-radius: 6px; border: 1px solid var(--line); background: var(--amber-soft); font-size: 0.875rem; }

.ansi-black, .ansi-bright-black, .ansi-white { color: var(--muted); } .ansi-bright-white { color: var(--text); }
.ansi-red, .ansi-bright-red { color: var(--red); } .ansi-green, .ansi-bright-green { color: var(--green); }
.ansi-yellow, .ansi-bright-yellow { color: var(--amber); } .ansi-blue, .ansi-bright-blue { color: var(--blue); }
.ansi-magenta, .ansi-bright-magenta { color: var(--magenta); } .ansi-cyan, .ansi-bright-cyan { color: var(--cyan); }
[class*=ansi-on-] { color: var(--text); background: var(--grey-soft); }
.ansi-on-red { background: var(--red-soft); } .ansi-on-green { background: var(--green-soft); }
.ansi-on-yellow { background: var(--amber-soft); } .ansi-on-blue, .ansi-on-cyan, .ansi-on-magenta { background: var(--blue-soft); }
.ansi-bold { font-weight: 700; } .ansi-faint { opacity: 0.85; } .ansi-italic { font-style: italic; } .ansi-underline { text-decoration: underline; }

.block { margin: 0.5rem 0 0; padding: 0.625rem 0.875rem; border-radius: 6px; background: var(--sunken); border: 1px solid var(--line); overflow: auto; max-height: 24rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.block ins, .block del { display: block; text-decoration: none; margin: 0 -0.875rem; padding: 0 0.875rem; }
.block ins { background: var(--green-soft); } .block del { background: var(--red-soft); }
.failure { border: 1px solid var(--line); border-left: 4px solid var(--red); border-radius: 6px; padding: 0.75rem 1rem; margin: 0.5rem 0; }
.failure.minor { border-left-color: var(--amber); } .failure.notice { border-left-color: var(--line); }
.failure h3 { margin: 0; font-size: 0.9375rem; display: flex; flex-wrap: wrap; gap: 0.25rem 0.5rem; align-items: center; }
.failure p { margin: 0.25rem 0 0; overflow-wrap: anywhere; }
.failure details { margin-top: 0.5rem; } .failure summary { cursor: pointer; color: var(--muted); font-size: 0.875rem; }
.scores { display: flex; flex-wrap: wrap; gap: 0.75rem; list-style: none; margin: 0.5rem 0; padding: 0; }
.scores li { border: 1px solid var(--line); border-radius: 8px; padding: 0.5rem 0.875rem; min-width: 7.5rem; }
.scores strong { display: block; font-size: 1.375rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.shot { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 8px; display: block; aspect-ratio: 16 / 10; object-fit: cover; object-position: top; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0 2rem; align-items: start; }

.key-figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: 0.75rem; margin: 1rem 0; padding: 0; list-style: none; }
.key-figures li { border: 1px solid var(--line); border-radius: 8px; padding: 0.625rem 0.875rem; }
.key-figures strong { display: block; font-size: 1.375rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
.projects { list-style: none; margin: 0; padding: 0; border: 1px solid var(--line); border-radius: 8px; }
.projects > li { padding: 0.875rem 1rem; display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.25rem 1rem; }
.projects > li + li { border-top: 1px solid var(--line); }
.projects h2 { margin: 0; font-size: 1rem; }
.pulls { list-style: none; margin: 0.375rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.375rem 1rem; grid-column: 1 / -1; }
.pulls li { display: inline-flex; gap: 0.375rem; align-items: center; max-width: 100%; min-width: 0; font-size: 0.875rem; }
.pulls a { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chart { margin: 0.75rem 0; } .chart svg { display: block; width: 100%; height: auto; overflow: visible; }
.chart figcaption { font-weight: 600; margin-bottom: 0.375rem; } .chart text { fill: var(--muted); font: 11px system-ui, sans-serif; }
.chart .grid { stroke: var(--line); stroke-width: 1; } .chart .ok { fill: var(--green); } .chart .bad { fill: var(--red); opacity: 0.85; }
.chart .line { fill: none; stroke: var(--blue); stroke-width: 2; stroke-linejoin: round; } .chart .line.two { stroke: var(--magenta); stroke-dasharray: 5 3; } .chart .dot { fill: var(--blue); } .chart .dot.two { fill: var(--magenta); }
.chart .legend { display: flex; gap: 1rem; flex-wrap: wrap; font-size: 0.8125rem; color: var(--muted); } .legend svg { display: inline-block; width: 24px; height: 8px; vertical-align: middle; }
.chart details { font-size: 0.8125rem; color: var(--muted); } .chart summary { cursor: pointer; }
.setting { padding: 1rem 0; border-top: 1px solid var(--line); display: grid; grid-template-columns: minmax(0, 20rem) minmax(0, 1fr); gap: 0.5rem 2rem; }
.setting .name { font-weight: 600; } .setting p { margin: 0.25rem 0; }
.setting .wrong { color: var(--red); font-weight: 500; }
.setting .origin { display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: center; min-height: 2rem; font-size: 0.8125rem; color: var(--muted); }
.save { position: sticky; bottom: 0; background: var(--ground); border-top: 1px solid var(--line); padding: 0.75rem 0; display: flex; gap: 1rem; align-items: center; flex-wrap: wrap; }
.filters { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: end; margin: 0 0 1rem; }
.filters label { display: grid; gap: 0.125rem; font-size: 0.8125rem; color: var(--muted); }
.pager { margin: 1rem 0; display: flex; gap: 1rem; }
.first-steps { max-width: 42rem; margin: 2rem auto; } .first-steps ol { padding-left: 1.25rem; } .first-steps li { margin: 0.5rem 0; }

@media (max-width: 40rem) {
  h1 { font-size: 1.25rem; } h2 { margin-top: 1.75rem; }
  .stages li { grid-template-columns: 16px 1fr auto; padding: 0.5rem 0.75rem; }
  .stages .summary { grid-column: 2 / -1; grid-row: 2; min-height: 1.3125rem; } .stages .bar { grid-column: 2 / -1; margin-top: 0.25rem; }
  .stages .number { grid-row: 1; grid-column: 3; }
  .logs > details > summary, .fold > summary { padding: 0.5rem 0.75rem; } .logs summary .summary { display: none; } .logs summary .number { margin-left: auto; }
  .log-tools { padding: 0.5rem 0.75rem; }
  .log .line a { width: 4rem; padding-right: 0.75rem; }
  .setting { grid-template-columns: minmax(0, 1fr); }
  .stack thead { display: none; } .stack tr { display: block; padding: 0.5rem 0; border-bottom: 1px solid var(--line); } .stack td { display: inline-block; border: 0; padding: 0.0625rem 0.75rem 0.0625rem 0; text-align: left; white-space: normal; } .stack td:first-child { display: block; }
  .chart text { font-size: 13px; }
}
`;
