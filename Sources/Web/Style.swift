/// The one stylesheet: no font, image or script is fetched from anywhere.
enum Style {
  // `anywhere` lets a column shrink to a letter; only the member's may, so that the others keep whole words at 320 px.
  // No `<`, `&` or quotes, so that it may also stand inside a page that is kept as a file.
  static let sheet = """
    :root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--soft:#595959;--line:#8c8c8c;--link:#0645ad}
    @media (prefers-color-scheme:dark){:root{--ink:#eaeaea;--paper:#161616;--soft:#b0b0b0;--line:#7d7d7d;--link:#9ac1ff}}
    *{box-sizing:border-box}
    body{margin:0 auto;max-width:48rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);overflow-wrap:anywhere}
    a{color:var(--link)}
    a:focus-visible,input:focus-visible,button:focus-visible{outline:3px solid var(--link);outline-offset:2px}
    .skip{position:absolute;left:-100vw}
    .skip:focus{position:static}
    h1{font-size:1.5rem;line-height:1.2}
    h2{font-size:1.2rem;margin-top:2rem}
    nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1rem}
    nav a{display:inline-block;padding:.25rem 0}
    table{border-collapse:collapse;width:100%}
    caption{text-align:start;font-weight:bold;padding:.5rem 0}
    th,td{border-bottom:1px solid var(--line);padding:.35rem .5rem .35rem 0;text-align:start;vertical-align:top}
    th,td{overflow-wrap:break-word}
    tbody th{font-weight:normal;overflow-wrap:anywhere}
    .under th{padding-inline-start:1rem}
    .place{white-space:nowrap;font-variant-numeric:tabular-nums}
    dt{color:var(--soft)}
    dd{margin:0 0 .5rem}
    footer{margin-top:3rem;border-top:1px solid var(--line);color:var(--soft)}
    input,button{font:inherit;padding:.25rem .5rem;min-height:2rem}
    @media print{nav,form,.skip{display:none}body{max-width:none;padding:0;color:#000;background:#fff}tr{break-inside:avoid}thead{display:table-header-group}a{color:inherit}}

    """
}
