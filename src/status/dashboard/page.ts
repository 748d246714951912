/** The page at `/`: a frame only. `/app.js` fills it from `/status`, `/app.css` says how it looks. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Weir</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M0 5q4-3 8 0t8 0v3H0z' fill='%232a78b5'/%3E%3Cpath d='M0 11q4-3 8 0t8 0v3H0z' fill='%2378b7e0'/%3E%3C/svg%3E">
<link rel="stylesheet" href="/app.css">
<script src="/app.js" defer></script>
</head>
<body>
<header>
<h1>Weir</h1>
<p id="process"></p>
</header>
<p id="summary" role="status" aria-live="polite" data-level="unknown">Waiting for the first answer</p>
<noscript><p>This page needs JavaScript. The same data is at <a href="/status?pretty">/status</a>.</p></noscript>
<main id="content"></main>
<footer>
<a href="/status?pretty">Status as JSON</a>
<a href="/metrics">Metrics</a>
<a href="/readyz?pretty">Readiness</a>
</footer>
</body>
</html>
`;
