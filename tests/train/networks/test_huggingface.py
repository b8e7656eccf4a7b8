from genrelens.train.networks.huggingface import PatchTransformer


def test_each_patch_has_a_position_embedding() -> None:
    network = PatchTransformer(2, (2, 128, 57), width=24, layers=1)
    patches = ((2 * 128 - 16) // 10 + 1) * ((57 - 16) // 10 + 1)
    positions = network.transformer.embeddings.position_embeddings
    assert positions.shape == (1, patches + 2, 24)  # 2: class and distillation tokens
