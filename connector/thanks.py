"""The page a customer comes back to from the payment processor. It says thank you, knows nobody and asks nothing."""

from html import escape

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_TEXTS = {
    "en": ("Thank you", "Your details have been received. You can close this page now."),
    "de": ("Vielen Dank", "Ihre Angaben sind angekommen. Sie können diese Seite jetzt schließen."),
}

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
body {{ margin: 0; font: 1rem/1.5 "Segoe UI", system-ui, sans-serif; color: #242424; background: #f5f5f5; }}
main {{ max-width: 28rem; margin: 15vh auto 0; padding: 2rem; background: #fff; border-radius: 8px; }}
h1 {{ margin: 0 0 0.5rem; font-size: 1.5rem; line-height: 1.3; }}
p {{ margin: 0; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{text}</p>
</main>
</body>
</html>
"""


def page(languages: str) -> str:
    """In German for a browser that asks for it first (`Accept-Language`), else in English."""
    language = "de" if languages.strip().lower().startswith("de") else "en"
    title, text = _TEXTS[language]
    return _PAGE.format(language=language, title=escape(title), text=escape(text))
