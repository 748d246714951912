/** The page's style sheet, served at `/app.css`. State never shows by colour alone: its name stands beside it. */
export const style = `:root {
  color-scheme: light dark;
  --ground: #f5f7f9; --card: #ffffff; --ink: #17212b; --soft: #566573; --line: #dde3e9; --link: #1a6196;
  --good: #1b7a43; --good-ground: #e1f4e8; --warn: #8a5a00; --warn-ground: #fdf0d0;
  --bad: #b3261e; --bad-ground: #fce4e2; --unknown: #566573; --unknown-ground: #e8edf1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10161c; --card: #18212a; --ink: #e6edf3; --soft: #9aa8b5; --line: #2b3742; --link: #7cc0f0;
    --good: #6fd699; --good-ground: #14301f; --warn: #f2c166; --warn-ground: #3a2c0e;
    --bad: #ff9c94; --bad-ground: #45191a; --unknown: #9aa8b5; --unknown-ground: #222d37;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem clamp(0.75rem, 3vw, 2rem) 2rem; max-width: 76rem;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; }
h1 { margin: 0; font-size: 1.6rem; letter-spacing: -0.02em; }
h2 { margin: 0; font-size: 1.2rem; overflow-wrap: anywhere; }
header p, .note { margin: 0; color: var(--soft); font-size: 0.9rem; overflow-wrap: anywhere; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
[data-level] { color: var(--level); background: var(--level-ground); }
[data-level="good"] { --level: var(--good); --level-ground: var(--good-ground); }
[data-level="warn"] { --level: var(--warn); --level-ground: var(--warn-ground); }
[data-level="bad"] { --level: var(--bad); --level-ground: var(--bad-ground); }
[data-level="unknown"] { --level: var(--unknown); --level-ground: var(--unknown-ground); }
#summary {
  margin: 0.75rem 0 1rem; padding: 0.6rem 1rem; border-left: 0.3rem solid var(--level); border-radius: 0.4rem;
  font-weight: 600; overflow-wrap: anywhere;
}
section {
  margin: 0 0 1rem; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem;
}
.title { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.75rem; }
.badge {
  display: inline-block; padding: 0 0.6rem; border-radius: 1rem; font-size: 0.85rem; font-weight: 600; white-space: nowrap;
}
.reason { margin: 0.5rem 0; padding: 0.4rem 0.75rem; border-radius: 0.4rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: 0.75rem; margin: 0.9rem 0; }
dt { color: var(--soft); font-size: 0.8rem; }
dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
dd small { display: block; color: var(--soft); font-size: 0.75rem; }
.scroll { overflow-x: auto; margin-top: 0.75rem; }
table { width: 100%; border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
caption { padding: 0.25rem 0; text-align: left; font-weight: 600; }
th, td { padding: 0.3rem 0.5rem; text-align: left; white-space: nowrap; border-top: 1px solid var(--line); vertical-align: top; }
th:first-child { padding-left: 0; }
thead th { color: var(--soft); font-weight: 500; font-size: 0.8rem; border-top: 0; }
tbody th { font-weight: 500; }
.number { text-align: right; }
td.text, tbody th.text { min-width: 9rem; white-space: normal; overflow-wrap: break-word; }
footer { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; font-size: 0.9rem; }
.stale main { opacity: 0.55; }
`;
