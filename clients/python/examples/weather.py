"""Asks a running Toolbeam (`toolbeam serve`) for calls: python examples/weather.py [host:port]"""

import sys

import toolbeam

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "getWeather",
            "description": "Get the current weather",
            "parameters": {
                "type": "object",
                "properties": {
                    "location": {"type": "string", "description": "The city to get the weather for"}
                },
                "required": ["location"],
            },
        },
    }
]


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50050"
    with toolbeam.Client(address) as client:
        result = client.search(
            "What is the current weather in Oslo?",
            TOOLS,
            strategy={"num_beams": 2, "expansions_per_beam": 8},
            sampling={"temperature": 0.3},
            seed=1,
        )
    for call in result.calls:
        print(f"{call.name} {call.arguments}")
    print(f"{result.stop_reason}, reward {result.reward}")


if __name__ == "__main__":
    main()
