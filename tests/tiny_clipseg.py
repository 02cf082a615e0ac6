"""A CLIPSeg folder of the true architecture, small and random."""

import json
import shutil
from pathlib import Path

import torch

TOKENIZER = Path(__file__).parent / "golden_metrics" / "weights" / "clip_hf"
NAMES = ("merges.txt", "vocab.json", "tokenizer_config.json", "special_tokens_map.json")
ENDS = {"bos_token_id": 675, "eos_token_id": 676}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def write_tiny_clipseg(folder: Path) -> None:
    """For images of 64 pixels, with the tokenizer of the recorded CLIP."""
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
    config = CLIPSegConfig(
        text_config=size | {"num_hidden_layers": 2, "vocab_size": 677} | ENDS,
        vision_config=size | {"num_hidden_layers": 3, "image_size": 64, "patch_size": 16},
        projection_dim=32,
        extract_layers=[0, 1, 2],
        reduce_dim=16,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=32,
    )
    model = CLIPSegForImageSegmentation(config)
    with torch.no_grad():  # as trained ones, it depends on image and words
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    for name in NAMES:
        shutil.copy(TOKENIZER / name, folder)
    settings = {"size": 64, "image_mean": MEAN, "image_std": STD}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
