"""Loads two dataset folders as their users would and prints what came out as JSON."""
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
from datasets import load_dataset  # noqa: E402
import duckdb  # noqa: E402

folder, only_chat, in_steps, cache = sys.argv[1:]
chats = {split: os.path.join(folder, "chat", split + ".jsonl") for split in ("train", "test")}
configs = {
    "examples": load_dataset(folder, cache_dir=cache),
    "chat": load_dataset("json", data_files=chats, cache_dir=cache),
    "chat only": load_dataset(only_chat, cache_dir=cache),
}
query = """select id, len(steps) as steps, steps[1].action as action, votes[1].criteria[1].reason as reason
           from read_parquet(?) order by id"""
rows = duckdb.execute(query, [os.path.join(folder, "data", "train.parquet")]).fetchall()


def trl(place):
    """As TRL's users load it: the columns of the first example of the training split, and all tool calls."""
    part = load_dataset("json", data_files=os.path.join(place, "trl", "train.jsonl"), split="train", cache_dir=cache)
    called = [message["tool_calls"] for row in part for message in row.get("messages", []) if message.get("tool_calls")]
    return {"rows": part.num_rows, "columns": part.column_names, "first": part[0], "called": called}


def sharegpt(place):
    """As LLaMA-Factory finds it: by its dataset_info.json, through the columns that are named there."""
    info = json.load(open(os.path.join(place, "sharegpt", "dataset_info.json")))
    found = {}
    for name, entry in info.items():
        path = os.path.join(place, "sharegpt", entry["file_name"])
        part = load_dataset("json", data_files=path, split="train", cache_dir=cache)
        columns = entry["columns"]
        found[name] = [
            {
                "from": [said["from"] for said in row[columns["messages"]]],
                "calls": [json.loads(said["value"]) for said in row[columns["messages"]] if said["from"] == "function_call"],
                "tools": [tool["name"] for tool in json.loads(row[columns["tools"]] or "[]")],
                "system": len(row[columns["system"]]) > 0,
            }
            for row in part
        ]
    return found


print(json.dumps({
    "trl": trl(folder),
    "trl in steps": trl(in_steps),
    "sharegpt": sharegpt(folder),
    "sharegpt in steps": sharegpt(in_steps),
    "sizes": {name: {split: part.num_rows for split, part in loaded.items()} for name, loaded in configs.items()},
    "examples": [row for part in configs["examples"].values() for row in part],
    "roles": [[message["role"] for message in row["messages"]] for row in configs["chat"]["train"]],
    "duckdb": rows,
}))
