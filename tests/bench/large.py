# SPDX-License-Identifier: ISC
"""What the measures of batchd share: a large order, a stack with the bench's provider, copies of its database."""
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from harness.config import Config
from harness.servers import MariaDB
from harness.stack import TOP, Stack

from load import cpu_seconds
from provider import Provider

__all__ = ["ENGINE", "Snapshot", "connect_options", "cpu_seconds", "lot_lines", "order_body", "stack_with"]

ENGINE = ["--innodb-buffer-pool-size=1G"]
# One batch for the whole order, whatever it is estimated to cost.
ONE_BATCH: Config = {"model": {"gpt-5.5": {"enqueued_tokens": 2000000000}}, "budget": {"job": "10000", "day": "10000"}}


def lot_lines(count: int) -> Iterator[str]:
    """Lots made of the sample's, repeated, each with notes and one photograph."""
    sample = [json.loads(line) for line in (TOP / "tests/data/lots.jsonl").open(encoding="utf-8")]
    for n in range(count):
        like = sample[n % len(sample)]
        notes = "\n".join(f"{key.capitalize()}: {like[key]}" for key in ("artist", "date", "medium", "dimensions"))
        yield json.dumps({"id": str(n + 1), "title": like["title"][:500], "notes": notes,
                          "images": [f"https://example.com/{n + 1}.jpg"]})


def order_body(count: int, name: str, languages: Optional[List[str]] = None) -> bytes:
    """An order of `count` lots, as JSON text."""
    head = json.dumps({"name": name, "languages": languages or [], "deadline": "PT24H"})
    return (head[:-1] + ', "lots": [' + ",".join(lot_lines(count)) + "]}").encode()


def stack_with(bench: Any, work: Path, mariadb: MariaDB, provider: Provider,
               overrides: Optional[Config] = None) -> Stack:
    """A stack whose batchd talks to the bench's provider, with texts so short that one batch takes 50,000 lots."""
    schema = json.loads((TOP / "conf/lot-description.schema.json").read_text(encoding="utf-8"))
    for key in schema["properties"].values():
        del key["description"]
        key.get("items", {}).pop("description", None)
    work.mkdir(parents=True, exist_ok=True)
    (work / "describe.prompt").write_text("Describe this lot for a saleroom catalogue.\n", encoding="ascii")
    (work / "lot.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    own: Config = {"openai": {"base_url": provider.base_url}, **ONE_BATCH, **(overrides or {}),
                   "describe": {"prompt_file": str(work / "describe.prompt"),
                                "schema_file": str(work / "lot.schema.json")}}
    return Stack(bench.build, work, mariadb, standin=False, overrides=own)


class Snapshot:
    """The rows of a database as they were, to begin each round alike."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.saved = f"{stack.database}_saved"
        self.tables = [row["TABLE_NAME"] for row in stack.sql(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s", (stack.database,))]
        stack.mariadb.create_database(self.saved)
        for table in self.tables:
            stack.sql(f"CREATE TABLE `{self.saved}`.`{table}` LIKE `{table}`")
            stack.sql(f"INSERT INTO `{self.saved}`.`{table}` SELECT * FROM `{table}`")

    def restore(self) -> None:
        connection = self.stack.mariadb.connect(self.stack.database)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
                for table in self.tables:
                    cursor.execute(f"TRUNCATE TABLE `{table}`")
                    cursor.execute(f"INSERT INTO `{table}` SELECT * FROM `{self.saved}`.`{table}`")
        finally:
            connection.close()


def connect_options(stack: Stack) -> Dict[str, str]:
    """How a peer in Python reaches the same database, by batchd's account."""
    database = stack.config("daemon")["database"]
    return {"unix_socket": database["socket"], "database": database["name"], "user": database["user"],
            "password": Path(database["password_file"]).read_text(encoding="ascii").strip()}
