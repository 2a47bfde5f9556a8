"""The peers, each used as its own documentation shows; run by `worker` in the peers' environment.

Each is asked for row numbers. Build parameters come from `contenders`, where they are written down beside the ladder
that each may climb when it searches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

GROUP = 5_000  # rows handed over at once


class Faiss:
    """faiss, by its index factory: Flat, HNSW, IVF."""

    def build(self, vectors: Path, columns: Path | None, folder: Path, given: dict[str, Any], threads: int) -> None:
        """Train and add everything; written with faiss's own writer."""
        import faiss

        faiss.omp_set_num_threads(threads)
        matrix = np.load(vectors, mmap_mode="r")
        index = faiss.index_factory(matrix.shape[1], given["factory"], faiss.METRIC_INNER_PRODUCT)
        if "ef_construction" in given:
            index.hnsw.efConstruction = given["ef_construction"]
        if not index.is_trained:
            index.train(np.ascontiguousarray(matrix[: given.get("sample", len(matrix))]))
        for start in range(0, len(matrix), 100_000):
            index.add(np.ascontiguousarray(matrix[start : start + 100_000]))
        faiss.write_index(index, str(folder / "index.faiss"))

    def open(self, folder: Path, given: dict[str, Any]) -> None:
        """Read it."""
        import faiss

        self.faiss = faiss
        faiss.omp_set_num_threads(1)
        self.index = faiss.read_index(str(folder / "index.faiss"))
        self.kind = "ivf" if "IVF" in given["factory"] else "hnsw" if "HNSW" in given["factory"] else "flat"

    def search(self, query: np.ndarray, k: int, point: dict[str, Any], keep: Any) -> Any:
        """One `index.search`."""
        faiss = self.faiss
        if self.kind == "ivf":
            parameters = faiss.SearchParametersIVF(nprobe=point["nprobe"], sel=keep[1] if keep else None)
        elif self.kind == "hnsw":
            parameters = faiss.SearchParametersHNSW(efSearch=point["ef"], sel=keep[1] if keep else None)
        else:
            parameters = faiss.SearchParameters(sel=keep[1]) if keep else None
        return self.index.search(query[None], k, params=parameters)[1][0]

    def kept(self, columns: Path, column: str, most: int) -> Any:
        """A bitmap of rows."""
        with np.load(columns) as values:
            bits = np.packbits(values[column] <= most, bitorder="little")
        return bits, self.faiss.IDSelectorBitmap(bits)


class Scann:
    """ScaNN: a tree, anisotropic quantisation, exact rescoring."""

    def build(self, vectors: Path, columns: Path | None, folder: Path, given: dict[str, Any], threads: int) -> None:
        """Its own builder, serialised."""
        from scann.scann_ops.py import scann_ops_pybind

        matrix = np.load(vectors)
        builder = scann_ops_pybind.builder(matrix, 20, "dot_product").set_n_training_threads(threads)
        searcher = (
            builder.tree(
                num_leaves=given["leaves"],
                num_leaves_to_search=given["leaves"] // 20 + 1,
                training_sample_size=min(given["sample"], len(matrix)),
            )
            .score_ah(2, anisotropic_quantization_threshold=0.2)
            .reorder(100)
            .build()
        )
        searcher.serialize(str(folder))

    def open(self, folder: Path, given: dict[str, Any]) -> None:
        """Load it."""
        from scann.scann_ops.py import scann_ops_pybind

        self.searcher = scann_ops_pybind.load_searcher(str(folder))

    def search(self, query: np.ndarray, k: int, point: dict[str, Any], keep: Any) -> Any:
        """One search."""
        return self.searcher.search(
            query, final_num_neighbors=k, pre_reorder_num_neighbors=point["reorder"], leaves_to_search=point["leaves"]
        )[0]


class Hnswlib:
    """hnswlib."""

    def build(self, vectors: Path, columns: Path | None, folder: Path, given: dict[str, Any], threads: int) -> None:
        """Add everything."""
        import hnswlib

        matrix = np.load(vectors, mmap_mode="r")
        index = hnswlib.Index(space="ip", dim=matrix.shape[1])
        index.init_index(max_elements=len(matrix), M=given["m"], ef_construction=given["ef_construction"])
        index.set_num_threads(threads)
        for start in range(0, len(matrix), 100_000):
            index.add_items(np.ascontiguousarray(matrix[start : start + 100_000]))
        index.save_index(str(folder / "index.bin"))
        np.save(folder / "dim.npy", matrix.shape[1])

    def open(self, folder: Path, given: dict[str, Any]) -> None:
        """Load it."""
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=int(np.load(folder / "dim.npy")))
        self.index.load_index(str(folder / "index.bin"))
        self.index.set_num_threads(1)

    def search(self, query: np.ndarray, k: int, point: dict[str, Any], keep: Any) -> Any:
        """One query."""
        self.index.set_ef(max(point["ef"], k))
        return self.index.knn_query(query[None], k=k)[0][0]


class Usearch:
    """usearch."""

    def build(self, vectors: Path, columns: Path | None, folder: Path, given: dict[str, Any], threads: int) -> None:
        """Add everything."""
        from usearch.index import Index

        matrix = np.load(vectors, mmap_mode="r")
        index = Index(
            ndim=matrix.shape[1],
            metric="ip",
            dtype=given["dtype"],
            connectivity=given["m"],
            expansion_add=given["ef_construction"],
        )
        for start in range(0, len(matrix), 100_000):
            part = np.ascontiguousarray(matrix[start : start + 100_000])
            index.add(np.arange(start, start + len(part)), part, threads=threads)
        index.save(str(folder / "index.usearch"))

    def open(self, folder: Path, given: dict[str, Any]) -> None:
        """Load it."""
        from usearch.index import Index

        self.index = Index.restore(str(folder / "index.usearch"))

    def search(self, query: np.ndarray, k: int, point: dict[str, Any], keep: Any) -> Any:
        """One query."""
        self.index.expansion_search = max(point["ef"], k)
        return self.index.search(query, k, threads=1).keys


class QdrantEdge:
    """Qdrant's engine in the process, its columns indexed."""

    def build(self, vectors: Path, columns: Path | None, folder: Path, given: dict[str, Any], threads: int) -> None:
        """Upsert, index the columns, and optimise until the graph is there."""
        import qdrant_edge as q

        matrix = np.load(vectors, mmap_mode="r")
        hnsw = q.HnswIndexConfig(given["m"], given["ef_construction"], 10_000, max_indexing_threads=threads)
        optimizers = q.EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=10)
        config = q.EdgeConfig(
            vectors=q.EdgeVectorParams(matrix.shape[1], q.Distance.Dot), hnsw_config=hnsw, optimizers=optimizers
        )
        shard = q.EdgeShard.create(str(folder), config)
        values = _columns(columns)
        for start, part in _parts(matrix):
            facts = [{name: int(each[start + n]) for name, each in values.items()} for n in range(len(part))]
            points = [q.Point(start + n, row, facts[n]) for n, row in enumerate(part.tolist())]
            shard.update(q.UpdateOperation.upsert_points(points))
        shard.optimize()
        for name in values:  # after the graph: before it, building takes many times as long
            shard.update(q.UpdateOperation.create_field_index(name, q.PayloadSchemaType.Integer))
        shard.flush()
        shard.close()

    def open(self, folder: Path, given: dict[str, Any]) -> None:
        """Load it."""
        import qdrant_edge as q

        self.q = q
        self.shard = q.EdgeShard.load(str(folder))

    def search(self, query: np.ndarray, k: int, point: dict[str, Any], keep: Any) -> Any:
        """One query."""
        q = self.q
        asked = q.QueryRequest(
            limit=k, query=q.Query.Nearest(query.tolist()), filter=keep, params=q.SearchParams(hnsw_ef=point["ef"])
        )
        return [found.id for found in self.shard.query(asked)]

    def kept(self, columns: Path, column: str, most: int) -> Any:
        """A range."""
        q = self.q
        return q.Filter(must=[q.FieldCondition(column, range=q.RangeFloat(lte=float(most)))])


class Lance:
    """LanceDB: its table, its vector index, bitmap indexes of the columns."""

    def build(self, vectors: Path, columns: Path | None, folder: Path, given: dict[str, Any], threads: int) -> None:
        """Write the table, then the index."""
        import lancedb
        import pyarrow as pa

        matrix = np.load(vectors, mmap_mode="r")
        values = _columns(columns)
        fields = [pa.field("row", pa.int64()), pa.field("vector", pa.list_(pa.float32(), matrix.shape[1]))]
        schema = pa.schema([*fields, *(pa.field(name, pa.int8()) for name in values)])

        def batches() -> Iterator[Any]:
            for start, part in _parts(matrix):
                stop = start + len(part)
                cells = pa.FixedSizeListArray.from_arrays(pa.array(part.ravel()), matrix.shape[1])
                rest = [pa.array(each[start:stop]) for each in values.values()]
                yield pa.record_batch([pa.array(np.arange(start, stop)), cells, *rest], schema=schema)

        table = lancedb.connect(str(folder)).create_table("photos", batches(), schema=schema)
        kind = dict(metric="dot", vector_column_name="vector", index_type=given["index"])
        table.create_index(num_partitions=given["partitions"], **kind)
        for name in values:
            table.create_scalar_index(name, index_type="BITMAP")

    def open(self, folder: Path, given: dict[str, Any]) -> None:
        """Open the table."""
        import lancedb

        self.table = lancedb.connect(str(folder)).open_table("photos")

    def search(self, query: np.ndarray, k: int, point: dict[str, Any], keep: Any) -> Any:
        """One query, refined by exact similarities."""
        asked = self.table.search(query).distance_type("dot").limit(k)
        if keep:  # beyond these as many as it takes to find k
            asked = asked.minimum_nprobes(point["nprobe"]).maximum_nprobes(0)
        else:
            asked = asked.nprobes(point["nprobe"])
        if point.get("refine"):
            asked = asked.refine_factor(point["refine"])
        if keep:
            asked = asked.where(keep, prefilter=True)
        return asked.select(["row"]).to_arrow()["row"].to_numpy()

    def kept(self, columns: Path, column: str, most: int) -> Any:
        """SQL."""
        return f"{column} <= {most}"


class Milvus:
    """Milvus by its client: a file for Milvus Lite, an address for the server."""

    def build(self, vectors: Path, columns: Path | None, folder: Path, given: dict[str, Any], threads: int) -> None:
        """Insert everything and wait for the index."""
        from pymilvus import DataType, MilvusClient

        matrix = np.load(vectors, mmap_mode="r")
        client = MilvusClient(_address(folder, given))
        name = _collection(folder)
        if client.has_collection(name):
            client.drop_collection(name)
        schema = client.create_schema(auto_id=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=matrix.shape[1])
        index = client.prepare_index_params()
        index.add_index("vector", index_type=given["index"], metric_type="IP", params=given["params"])
        client.create_collection(name, schema=schema, index_params=index)
        for start, part in _parts(matrix):
            client.insert(name, [{"row": start + n, "vector": row} for n, row in enumerate(part)])
        client.flush(name)
        client.load_collection(name)
        client.close()

    def open(self, folder: Path, given: dict[str, Any]) -> None:
        """Load the collection."""
        from pymilvus import MilvusClient

        self.client, self.name = MilvusClient(_address(folder, given)), _collection(folder)
        self.client.load_collection(self.name)

    def search(self, query: np.ndarray, k: int, point: dict[str, Any], keep: Any) -> Any:
        """One query."""
        found = self.client.search(
            self.name, [query.tolist()], limit=k, search_params={"metric_type": "IP", "params": point}
        )
        return [hit["row"] if "row" in hit else hit["id"] for hit in found[0]]  # the server's name, Milvus Lite's


def _address(folder: Path, given: dict[str, Any]) -> str:
    if not given.get("server"):
        return str(folder / "milvus.db")
    address = os.environ.get("WEARABOUTS_MILVUS", "")
    if not address:
        raise RuntimeError("no server: name one in WEARABOUTS_MILVUS, such as http://127.0.0.1:19530")
    return address


def _collection(folder: Path) -> str:
    return "bench_" + "".join(letter if letter.isalnum() else "_" for letter in folder.name)


def _parts(matrix: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(matrix), GROUP):
        yield start, np.ascontiguousarray(matrix[start : start + GROUP])


def _columns(path: Path | None) -> dict[str, np.ndarray]:
    if path is None:
        return {}
    with np.load(path) as kept:
        return {name: kept[name] for name in kept.files}
