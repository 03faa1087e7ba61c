"""`python -m connector …`"""

from connector.cli import run

run()
