"""Loads two dataset folders as their users would and prints what came out as JSON."""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
from datasets import load_dataset  # noqa: E402
import duckdb  # noqa: E402

folder, only_chat, cache = sys.argv[1:]
chats = {split: os.path.join(folder, "chat", split + ".jsonl") for split in ("train", "test")}
configs = {
    "examples": load_dataset(folder, cache_dir=cache),
    "chat": load_dataset("json", data_files=chats, cache_dir=cache),
    "chat only": load_dataset(only_chat, cache_dir=cache),
}
query = """select id, len(steps) as steps, steps[1].action as action, votes[1].criteria[1].reason as reason
           from read_parquet(?) order by id"""
rows = duckdb.execute(query, [os.path.join(folder, "data", "train.parquet")]).fetchall()
print(json.dumps({
    "sizes": {name: {split: part.num_rows for split, part in loaded.items()} for name, loaded in configs.items()},
    "examples": [row for part in configs["examples"].values() for row in part],
    "roles": [[message["role"] for message in row["messages"]] for row in configs["chat"]["train"]],
    "duckdb": rows,
}))
